package experiment_test

import (
	"fmt"

	"twinview/experiment"
)

// A spec says what differs from the defaults; an assignment changes a field as --set does.
func ExampleRead() {
	spec, err := experiment.Read([]byte("method: {temperature: 0.2}"), "first", "pretrain.epochs=20")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(spec.Name, spec.Method.Name, spec.Method.Temperature, spec.Pretrain.Epochs)
	// Output: first simclr 0.2 20
}

// All that is wrong is said at once, with its place and the fix.
func ExampleRead_problems() {
	_, err := experiment.Read([]byte("method: {temperature: -1}\npretrain: {epoch: 20}"), "first")
	fmt.Println(err)
	// Output:
	// line 2, column 12: pretrain.epoch: unknown key; did you mean "epochs"?
	// method.temperature: -1 is out of range: must be 0.001 to 100
}
