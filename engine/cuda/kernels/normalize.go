package kernels

// Rows is the launch of kernels that take a row of a matrix at a time, a warp each.
func Rows(rows int) Launch {
	const warps = blockThreads / 32
	return Launch{Grid: [3]int{clamp(ceil(rows, warps), 1, mostBlocks), 1, 1}, Block: [3]int{blockThreads, 1, 1}}
}

// Columns is the launch of kernels that take 32 columns of a matrix at a time.
func Columns(columns int) Launch {
	return Launch{Grid: [3]int{ceil(columns, 32), 1, 1}, Block: [3]int{32, 32, 1}}
}
