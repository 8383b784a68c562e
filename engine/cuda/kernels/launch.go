package kernels

// Launch is the shape of a kernel's grid. What it is depends on the sizes of the arrays alone, never on the device, since the
// order of sums goes by it.
type Launch struct {
	Grid, Block [3]int
	// Shared is the number of bytes of shared memory that the launch asks for.
	Shared int
}

// Parts is the number of partial results that a launch leaves, where it divides what is added up along y.
func (l Launch) Parts() int { return l.Grid[1] }

const (
	blockThreads = 256
	// waves of blocks that fill the largest devices of today (132 multiprocessors of up to 8 blocks of 256 threads) twice.
	mostBlocks = 2112
)

// Elementwise is the launch of every kernel of elementwise.cu on n elements.
func Elementwise(n int) Launch {
	const each = 4 // elements a thread moves at once, at least
	return Launch{Grid: [3]int{clamp(ceil(n, blockThreads*each), 1, mostBlocks), 1, 1}, Block: [3]int{blockThreads, 1, 1}}
}

func ceil(n, by int) int { return (n + by - 1) / by }

func clamp(n, least, most int) int { return max(least, min(n, most)) }

// Single is the launch of kernels that make one number of an array.
func Single() Launch { return Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1024, 1, 1}} }

// Flag is a bool as kernels take it.
func Flag(set bool) int32 {
	if set {
		return 1
	}
	return 0
}
