package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"twinview/experiment"
)

// Split is a data set divided for an experiment. No image is in two of its parts.
type Split struct{ Train, Validation, Test Images }

// Split takes the validation split out of the training images, class by class, unless the data set has one of its own, then
// applies the limits. All draws come from the seed. The validation images don't depend on TrainImages, nor the test images on
// either, so that experiments with fewer training images are compared on the same ones.
func (d *Data) Split(seed uint64, s experiment.Dataset) (Split, error) {
	wanted := d.validationImages(s)
	left := d.Train.Len() - wanted
	validation := limit{"dataset.validation_images", wanted, d.Train.Len() - 1, "training images, one of which must be left"}
	if d.Validation.Len() > 0 {
		left = d.Train.Len()
		validation = limit{"dataset.validation_images", wanted, d.Validation.Len(), "validation images"}
	}
	for _, l := range []limit{
		validation,
		{"dataset.train_images", s.TrainImages, left, "training images that validation leaves"},
		{"dataset.test_images", s.TestImages, d.Test.Len(), "test images"},
	} {
		if err := l.check(); err != nil {
			return Split{}, err
		}
	}
	order := ordered(s)
	train := order(d.Train.Labels, len(d.Classes), seed, 0)
	split := Split{Test: d.Test.pick(first(order(d.Test.Labels, len(d.Classes), seed, 1), s.TestImages))}
	if d.Validation.Len() > 0 {
		split.Validation = d.Validation.pick(first(order(d.Validation.Labels, len(d.Classes), seed, 2), wanted))
	} else {
		split.Validation = d.Train.pick(train[:wanted])
		train = train[wanted:]
	}
	split.Train = d.Train.pick(first(train, s.TrainImages))
	return split, nil
}

// limit is a number of images, at most what there is.
type limit struct {
	field       string
	value, most int
	rest        string
}

func (l limit) check() error {
	if l.value < 0 || l.value > l.most {
		return fmt.Errorf("%s: %d is out of range: must be 0 to %d, the number of %s", l.field, l.value, l.most, l.rest)
	}
	return nil
}

// validationImages is the size of the validation split. For images of one's own, 0 takes all that there are, or a tenth of the
// training images and at least one of each class; without labels there is nothing to validate.
func (d *Data) validationImages(s experiment.Dataset) int {
	switch {
	case s.Name != experiment.ImageFolder || s.ValidationImages != 0 || !s.Labelled():
		return s.ValidationImages
	case d.Validation.Len() > 0:
		return d.Validation.Len()
	}
	return min(max(d.Train.Len()/10, len(d.Classes)), d.Train.Len()/2)
}

// ordered is how a data set's images are put in order: those of the known ones have as many of each class.
func ordered(s experiment.Dataset) func(labels []uint8, classes int, seed uint64, part int) []int {
	if s.Name == experiment.ImageFolder {
		return proportional
	}
	return balanced
}

// first returns the first n indices, all for 0.
func first(indices []int, n int) []int {
	if n == 0 {
		return indices
	}
	return indices[:n]
}

// balanced orders the images so that every beginning of the order holds each class as often as any other, as long as all
// last: shuffled within each class, then one of each class in turn.
func balanced(labels []uint8, classes int, seed uint64, part int) []int {
	of := make([][]int, classes)
	for _, i := range Stream(seed, Splitting, 0, part, 0).Perm(len(labels)) {
		of[labels[i]] = append(of[labels[i]], i)
	}
	order := make([]int, 0, len(labels))
	for turn := 0; len(order) < len(labels); turn++ {
		for _, images := range of {
			if turn < len(images) {
				order = append(order, images[turn])
			}
		}
	}
	return order
}

// proportional orders the images so that every beginning of the order holds each class in proportion to its images: shuffled
// within each class, then spread evenly. Classes of one size come as balanced has them.
func proportional(labels []uint8, classes int, seed uint64, part int) []int {
	classes = max(1, classes)
	of := make([]int, classes)
	for _, label := range labels {
		of[label]++
	}
	type place struct {
		image int
		// at is in (0, 1): the middle of the image's share of its class.
		at float64
	}
	var places []place
	seen := make([]int, classes)
	for _, i := range Stream(seed, Splitting, 0, part, 0).Perm(len(labels)) {
		label := labels[i]
		places = append(places, place{i, (float64(seen[label]) + 0.5) / float64(of[label])})
		seen[label]++
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(labels[a.image], labels[b.image]))
	})
	order := make([]int, len(places))
	for k, p := range places {
		order[k] = p.image
	}
	return order
}
