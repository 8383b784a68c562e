package kernels

// channelBlock divides a block's threads between groups of channels, which one access of memory holds, and rows.
func channelBlock(channels, elementSize int) (groups, across, down int) {
	groups = channels
	if wide := 16 / elementSize; channels%wide == 0 {
		groups = channels / wide
	}
	across = 1
	for across < 32 && across < groups {
		across *= 2
	}
	return groups, across, blockThreads / across
}

// BatchNormSums is the launch of the kernels of batchnorm.cu that add up rows, for elements of 4 or 2 bytes. It leaves Parts
// partial sums.
func BatchNormSums(rows, channels, elementSize int) Launch {
	const (
		rowsEach = 16 // a thread adds up at least
		blocks   = 1024
	)
	groups, across, down := channelBlock(channels, elementSize)
	wide := ceil(groups, across)
	slabs := clamp(ceil(rows, down*rowsEach), 1, max(1, blocks/wide))
	return Launch{Grid: [3]int{wide, slabs, 1}, Block: [3]int{across, down, 1}}
}

// BatchNormScratch is the number of bytes of those partial sums.
func BatchNormScratch(rows, channels, elementSize int) int {
	return BatchNormSums(rows, channels, elementSize).Parts() * 2 * channels * 8
}

// BatchNormTotal is the launch of the kernels that add up partial sums.
func BatchNormTotal(channels int) Launch {
	return Launch{Grid: [3]int{ceil(channels, 32), 1, 1}, Block: [3]int{32, 32, 1}}
}

// BatchStatsOfTiles is the launch of batch_stats_of_tiles.
func BatchStatsOfTiles(channels int) Launch {
	const across, lanes = 8, 128
	return Launch{Grid: [3]int{ceil(channels, across), 1, 1}, Block: [3]int{across, lanes, 1}}
}

// BatchNormApply is the launch of the kernels of batchnorm.cu that write one activation, for elements of 4 or 2 bytes.
func BatchNormApply(rows, channels, elementSize int) Launch {
	const rowsEach = 16 // a thread writes at least, since each reads what belongs to its channels first
	groups, across, down := channelBlock(channels, elementSize)
	wide := ceil(groups, across)
	return Launch{
		Grid:  [3]int{wide, clamp(ceil(rows, down*rowsEach), 1, max(1, mostBlocks/wide)), 1},
		Block: [3]int{across, down, 1},
	}
}
