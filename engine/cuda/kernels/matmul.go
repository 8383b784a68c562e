package kernels

// MatMul is the launch of matmul.cu's kernels for a product [m, n] of k products each, which are divided into Parts where tiles are
// few and k is long.
func MatMul(m, n, k int) Launch { return product(m, n, k, 256) }

// MatMulTensor is the launch of matmul_tensor.cu's kernel, likewise.
func MatMulTensor(m, n, k int) Launch { return product(m, n, k, 128) }

func product(m, n, k, threads int) Launch {
	const tile, shortest, enough = 64, 256, 264 // two blocks for each multiprocessor of the largest devices
	tiles := ceil(m, tile) * ceil(n, tile)
	return Launch{Grid: [3]int{tiles, clamp(min(enough/tiles, k/shortest), 1, enough), 1}, Block: [3]int{threads, 1, 1}}
}
