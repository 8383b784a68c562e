package kernels

// NTXent is the launch of ntxent_rows, which divides the keys into Parts.
func NTXent(views int) Launch {
	tiles := ceil(views, 64)
	return Launch{Grid: [3]int{tiles, splits(tiles, tiles), 1}, Block: [3]int{256, 1, 1}}
}

// NTXentGrad is the launch of ntxent_grad, likewise.
func NTXentGrad(views, dim int) Launch {
	tiles, chunks := ceil(views, 64), ceil(dim, 64)
	return Launch{Grid: [3]int{tiles, splits(tiles, tiles*chunks), chunks}, Block: [3]int{256, 1, 1}}
}

// splits divides the keys so that a device has blocks enough, and each block whole tiles of them.
func splits(tiles, blocks int) int {
	const enough = 264
	return clamp(ceil(enough, blocks), 1, tiles)
}
