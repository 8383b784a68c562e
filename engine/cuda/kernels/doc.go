// Package kernels is the CUDA side of package cuda: one family of kernels a file, and beside each the launches that it wants.
// The sources need device.h alone, which takes CUDA's built-ins from nvcc or, with TWINVIEW_HOST defined, from host.h: then
// they are plain C++ whose threads run one after another, which is how they are tested where there is no GPU.
//
// It imports nothing of this module, and needs neither cgo nor CUDA.
package kernels
