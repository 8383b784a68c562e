package model_test

import (
	"fmt"

	"gorgonia.org/tensor"

	"twinview/model"
)

// Two views each of two images, all alike but for the image: the positive is as similar as can be, the two negatives are
// orthogonal. With temperature 1, the loss is log(1 + 2/e).
func ExampleNTXent() {
	z := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{
		1, 0, 0, 1, // the first views of both images
		1, 0, 0, 1, // the second views
	}))
	loss, err := model.NTXent{Temperature: 1, Views: 2}.Do(z)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f\n", loss.Data())
	// Output: 0.5514
}
