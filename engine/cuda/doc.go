// Package cuda is the machine for NVIDIA's GPUs, behind the build tag gpu. It compiles a graph once into launches of the kernels in
// package kernels: engine/lowering says which nodes are computed, in which precision, and which passes over memory are joined;
// choose.go says by which kernel each convolution goes, layout.go what it wants of its operands, and each op makes its calls
// (image.go, heads.go, losses.go). An op that has no kernel is refused. All launches are captured as one CUDA graph, which a run
// replays.
//
// Inner values lie in one arena by their lifetimes (place.go). Leaves and outputs are in managed memory, which the device and the
// caller both see, so the parameters stay on the device as long as nobody reads them.
//
// Two runs give the same bits: no sum depends on which block was ready first.
//
// gorgonia.org/cu, which all but a few calls of the driver go through (package gpu has the others), ends the process at its start
// where there is no driver or no GPU. Nothing outside of the tag may import this package.
package cuda
