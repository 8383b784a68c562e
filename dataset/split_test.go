package dataset

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// numbered makes images whose first two pixel values are their number.
func numbered(n int) Images {
	images := Images{Height: 1, Width: 1}
	for i := range n {
		images.Pixels = append(images.Pixels, byte(i), byte(i>>8), 0)
		images.Labels = append(images.Labels, byte(i*i%10))
	}
	return images
}

func numbers(x Images) []int {
	var all []int
	for i := range x.Len() {
		all = append(all, int(x.Image(i)[0])+int(x.Image(i)[1])<<8)
	}
	return all
}

func tenClasses(train, test int) *Data {
	return &Data{Classes: make([]string, 10), Train: numbered(train), Test: numbered(test)}
}

func TestSplitIsDisjointAndComplete(t *testing.T) {
	s, err := tenClasses(1000, 300).Split(1, experiment.Dataset{ValidationImages: 100})
	require.NoError(t, err)
	require.Equal(t, 100, s.Validation.Len())
	require.Equal(t, 300, s.Test.Len())
	all := append(numbers(s.Train), numbers(s.Validation)...)
	require.ElementsMatch(t, numbers(numbered(1000)), all)
	for i, n := range numbers(s.Validation) {
		require.Equal(t, byte(n*n%10), s.Validation.Labels[i], "labels travel with their images")
	}
}

func TestSplitIsBalanced(t *testing.T) {
	data := DrawSynthetic(1, 1000, 200)
	s, err := data.Split(3, experiment.Dataset{TrainImages: 200, ValidationImages: 100, TestImages: 50})
	require.NoError(t, err)
	for part, want := range map[*Images]int{&s.Train: 20, &s.Validation: 10, &s.Test: 5} {
		var count [10]int
		for _, label := range part.Labels {
			count[label]++
		}
		for _, n := range count {
			require.Equal(t, want, n)
		}
	}
}

func TestSplitDependsOnTheSeedAlone(t *testing.T) {
	data := tenClasses(1000, 300)
	few, err := data.Split(1, experiment.Dataset{TrainImages: 50, ValidationImages: 100, TestImages: 20})
	require.NoError(t, err)
	many, err := data.Split(1, experiment.Dataset{TrainImages: 500, ValidationImages: 100})
	require.NoError(t, err)
	require.Equal(t, many.Validation, few.Validation, "validation doesn't depend on train_images")
	require.Equal(t, numbers(many.Train)[:50], numbers(few.Train), "fewer images are a part of more")
	other, err := data.Split(2, experiment.Dataset{ValidationImages: 100})
	require.NoError(t, err)
	require.NotEqual(t, numbers(many.Validation), numbers(other.Validation))
}

func TestSplitRejects(t *testing.T) {
	for message, s := range map[string]experiment.Dataset{
		"dataset.validation_images: 100 is out of range: must be 0 to 99": {ValidationImages: 100},
		"dataset.train_images: 91 is out of range: must be 0 to 90":       {ValidationImages: 10, TrainImages: 91},
		"dataset.test_images: 31 is out of range: must be 0 to 30":        {TestImages: 31},
	} {
		_, err := tenClasses(100, 30).Split(1, s)
		require.ErrorContains(t, err, message)
	}
}

func TestHead(t *testing.T) {
	x := numbered(5)
	require.Equal(t, []int{0, 1}, numbers(x.Head(2)))
	require.Equal(t, 5, x.Head(0).Len())
	require.Equal(t, 5, x.Head(9).Len())
}
