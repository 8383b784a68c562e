package augment_test

import (
	"fmt"

	"twinview/augment"
	"twinview/dataset"
	"twinview/experiment"
)

// Two views of one image. Each has a random stream of its own, by seed, epoch, image and view, so that they can be drawn again
// in any order and anywhere.
func ExampleTransform() {
	const size, seed, epoch, image = 32, 1, 0, 7
	spec := experiment.Default()
	transform, err := augment.New(spec.Augment.FirstView, size)
	if err != nil {
		fmt.Println(err)
		return
	}
	pixels := make([]uint8, size*size*3) // [height, width, 3]
	for view := range 2 {
		values := make([]float32, size*size*3) // normalised
		transform.Apply(values, pixels, size, size, dataset.Stream(seed, dataset.PretrainView, epoch, image, view))
		fmt.Println(len(values))
	}
	// Output:
	// 3072
	// 3072
}
