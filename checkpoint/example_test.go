package checkpoint_test

import (
	"bytes"
	"fmt"

	"twinview/checkpoint"
)

// The same tensors as a file for PyTorch and as safetensors. Read knows which it has.
func ExampleRead() {
	tensors := []checkpoint.Tensor{{Name: "fc.bias", Shape: []int{3}, Data: []float32{0.5, 0, -0.5}}}
	var torch, safetensors bytes.Buffer
	if err := checkpoint.WriteTorch(&torch, tensors); err != nil {
		fmt.Println(err)
	}
	if err := checkpoint.WriteSafetensors(&safetensors, tensors, nil); err != nil {
		fmt.Println(err)
	}
	for _, file := range [][]byte{torch.Bytes(), safetensors.Bytes()} {
		read, err := checkpoint.Read(file)
		fmt.Println(read[0].Name, read[0].Shape, read[0].Data, err)
	}
	// Output:
	// fc.bias [3] [0.5 0 -0.5] <nil>
	// fc.bias [3] [0.5 0 -0.5] <nil>
}
