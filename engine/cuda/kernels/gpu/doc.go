// Package gpu loads and launches kernels on a GPU, by CUDA's driver, behind the build tag gpu: for package cuda, which trains, and
// alone, as a Device, for tests and measurements of single kernels.
package gpu
