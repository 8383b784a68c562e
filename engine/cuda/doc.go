// Package cuda is the machine for NVIDIA's GPUs, behind the build tag gpu. It compiles a graph into launches of the kernels in
// package kernels, op by op, nothing fused yet; an op that has no kernel is refused. Inner values lie in one arena by their
// lifetimes (place.go). Leaves and outputs are in managed memory, which the device and the caller both see, so the parameters
// stay on the device as long as nobody reads them.
//
// Two runs give the same bits: no sum depends on which block was ready first.
//
// gorgonia.org/cu, which all calls of the driver go through, ends the process at its start where there is no driver or no GPU.
// Nothing outside of the tag may import this package.
package cuda
