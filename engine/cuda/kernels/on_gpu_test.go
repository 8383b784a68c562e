//go:build gpu

package kernels_test

import "twinview/engine/cuda/kernels/gpu"

func open(string) (runner, error) { return gpu.Open(0) }
