package kernels

// MatMul is the launch of matmul.cu's kernels for a product [m, n]. m is at most 4 million rows.
func MatMul(m, n int) Launch {
	const tile = 64
	return Launch{Grid: [3]int{ceil(n, tile), ceil(m, tile), 1}, Block: [3]int{256, 1, 1}}
}

// MatMulTensor is the launch of matmul_tensor.cu's kernel, likewise.
func MatMulTensor(m, n int) Launch {
	const tile = 64
	return Launch{Grid: [3]int{ceil(n, tile), ceil(m, tile), 1}, Block: [3]int{128, 1, 1}}
}
