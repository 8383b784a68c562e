// Package gpu runs single kernels on a GPU, by CUDA's driver, behind the build tag gpu. It is for tests and measurements, as package
// host is for a processor; training goes by package cuda.
package gpu
