package dataset

import (
	"fmt"

	"twinview/experiment"
)

// Split is a data set divided for an experiment. No image is in two of its parts.
type Split struct{ Train, Validation, Test Images }

// Split takes the validation split out of the training images, class by class, then applies the limits. All draws come
// from the seed. The validation images don't depend on TrainImages, nor the test images on either, so that experiments
// with fewer training images are compared on the same ones.
func (d *Data) Split(seed uint64, s experiment.Dataset) (Split, error) {
	for _, limit := range []struct {
		field       string
		value, most int
		rest        string
	}{
		{"dataset.validation_images", s.ValidationImages, d.Train.Len() - 1, "training images, one of which must be left"},
		{"dataset.train_images", s.TrainImages, d.Train.Len() - s.ValidationImages, "training images that validation leaves"},
		{"dataset.test_images", s.TestImages, d.Test.Len(), "test images"},
	} {
		if limit.value < 0 || limit.value > limit.most {
			return Split{}, fmt.Errorf("%s: %d is out of range: must be 0 to %d, the number of %s",
				limit.field, limit.value, limit.most, limit.rest)
		}
	}
	order := balanced(d.Train.Labels, len(d.Classes), seed, 0)
	validation, train := order[:s.ValidationImages], order[s.ValidationImages:]
	test := balanced(d.Test.Labels, len(d.Classes), seed, 1)
	return Split{
		Train:      d.Train.pick(first(train, s.TrainImages)),
		Validation: d.Train.pick(validation),
		Test:       d.Test.pick(first(test, s.TestImages)),
	}, nil
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
