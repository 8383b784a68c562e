package kernels

import (
	"math"
	"slices"
)

// Number says how a convolution multiplies. Sums are float32 always.
type Number string

// The numbers that there are kernels for. TF32 takes and leaves float32 and rounds factors to 10 bits behind the point;
// Float32 does without tensor cores.
const (
	BFloat16 Number = "bfloat16"
	TF32     Number = "tf32"
	Float32  Number = "float32"
)

// Elements is the type of the tensors' elements, as kernels' names have it.
func (n Number) Elements() string {
	if n == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}

// ParameterBytes is the size of what the kernels of implicit_gemm.h take as their argument, by value.
const ParameterBytes = 1024

// ImplicitGEMM is one of the kernels of implicit_gemm.h, which says what their arguments are. Kernel+"_parameters" is launched
// once for each convolution and its tensors, by ParametersLaunch; Kernel itself with what that left. Tensors begin at multiples
// of 16 bytes.
type ImplicitGEMM struct {
	Kernel    string
	Direction Direction
	Number    Number
	// What a block computes, the piece of the sum that it takes at once, and what it needs.
	m, n, k, threads, shared int
	kind                     kind
}

// kind is what a kernel is made for.
type kind int

const (
	general kind = iota
	strided      // input gradients of strides greater than 1; general ones are for stride 1 only
	few          // the few channels of images
)

// ParametersLaunch is the launch of the kernels that make parameters.
func ParametersLaunch() Launch { return Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}} }

// ImplicitGEMMs are the kernels for a convolution, the one that is likely to be the fastest first. There are none for sizes
// that they don't take: bfloat16 wants In and Out in multiples of 8 (and has for Forward and WeightGradient one kernel with In
// in multiples of 4 up to 16, see Padded), TF32 in multiples of 4, and no tensor may have 2 GiB or more.
func (c Convolution) ImplicitGEMMs(d Direction, n Number) []ImplicitGEMM {
	var fitting []ImplicitGEMM
	for _, g := range implicitGEMMs {
		if g.Direction == d && g.Number == n && g.takes(c) {
			fitting = append(fitting, g)
		}
	}
	slices.SortStableFunc(fitting, func(a, b ImplicitGEMM) int { return a.work(c) - b.work(c) })
	return fitting
}

func (g ImplicitGEMM) takes(c Convolution) bool {
	const (
		most      = 1 << 31
		positions = 32 // of the kernel along a side, as many as CUTLASS's masks have bits
		mostFew   = 16 // channels, from which on other kernels waste nothing
	)
	x, filters, y := c.Sizes()
	size := 4
	if g.Number == BFloat16 {
		size = 2
	}
	if max(x, y)*size >= most || filters*4 >= most || c.Kernel > positions { // partial gradients of weights are float32
		return false
	}
	if g.Direction == InputGradient && (c.Stride > 1) != (g.kind == strided) {
		return false
	}
	if g.kind == few && c.In > mostFew {
		return false
	}
	in, out := g.multiples()
	return c.In%in == 0 && c.Out%out == 0
}

// multiples are the numbers that a convolution's channels have to be multiples of.
func (g ImplicitGEMM) multiples() (in, out int) {
	switch {
	case g.kind == few:
		return 4, 8
	case g.Number == BFloat16:
		return 8, 8
	case g.Number == TF32:
		return 4, 4
	default:
		return 1, 1
	}
}

// multiprocessors are those of the device for which blocks are counted, an H100. Nothing else depends on it, and grids must
// not be of another size on another device, since the order of sums goes by it.
const multiprocessors = 132

// loading is how many products take the time in which a number of a tile's sides is found in memory and brought to the tensor
// cores. Nothing has measured it: it says that tiles of 64×64, which bring each number for few products, take half as much time again as
// those of 128×128 where both are full.
const loading = 64

// work is how much a kernel has to compute and to load, with what lies outside of the product and multiprocessors without a
// block, in units of products.
func (g ImplicitGEMM) work(c Convolution) int {
	rows, columns := g.tiles(c)
	blocks := rows * columns * g.Slices(c)
	sum := ceil(g.sum(c), g.k*g.Slices(c)) * g.k
	if g.kind != few && g.Direction == Forward {
		sum = c.Kernel * c.Kernel * ceil(c.In, g.k) * g.k
	}
	return ceil(blocks, multiprocessors) * (g.m*g.n + loading*(g.m+g.n)) * sum
}

// sum is how many products are added up.
func (g ImplicitGEMM) sum(c Convolution) int {
	_, _, y := c.Sizes()
	switch g.Direction {
	case Forward:
		return c.Kernel * c.Kernel * c.In
	case InputGradient:
		return c.Kernel * c.Kernel * c.Out
	default:
		return y / c.Out
	}
}

// tiles are the numbers of tiles along the product's rows and columns.
func (g ImplicitGEMM) tiles(c Convolution) (rows, columns int) {
	x, _, y := c.Sizes()
	switch {
	case g.Direction == Forward:
		return ceil(y/c.Out, g.m), ceil(c.Out, g.n)
	case g.kind == strided:
		each := c.Batch * ceil(c.Height, c.Stride) * ceil(c.Width, c.Stride)
		return ceil(each, g.m) * c.Stride * c.Stride, ceil(c.In, g.n)
	case g.Direction == InputGradient:
		return ceil(x/c.In, g.m), ceil(c.In, g.n)
	default:
		return ceil(c.Out, g.m), ceil(c.Kernel*c.Kernel*c.In, g.n)
	}
}

// Slices is the number of partial weight gradients that the kernel leaves, 1 for other directions. They divide the sum so that the
// blocks, of which each multiprocessor is taken to hold two at a time, leave few of them idle in the last turn, and so that what
// they write does not outweigh that.
func (g ImplicitGEMM) Slices(c Convolution) int {
	if g.Direction != WeightGradient {
		return 1
	}
	const (
		atOnce  = 2 * multiprocessors
		pieces  = 8 // of the sum that a slice has, at least
		writing = 2 // products that a block computes while a number of a partial gradient is written and read
	)
	rows, columns := g.tiles(c)
	_, filters, _ := c.Sizes()
	best, least := 1, math.MaxInt
	for slices := 1; slices <= min(atOnce, ceil(g.sum(c), pieces*g.k)); slices++ {
		turns := ceil(rows*columns*slices, atOnce)
		if time := turns*ceil(g.sum(c), slices)*g.m*g.n + writing*slices*filters; time < least {
			best, least = slices, time
		}
	}
	return best
}

// Gathers tells whether the kernel can leave statistics of its tiles for a batch norm.
func (g ImplicitGEMM) Gathers() bool { return g.Direction == Forward && g.Number != Float32 }

// Statistics are how many tiles a kernel that gathers has down the rows, and how many rows each of them but the last has.
func (g ImplicitGEMM) Statistics(c Convolution) (tiles, rows int) {
	tiles, _ = g.tiles(c)
	return tiles, g.m
}

// Launch is the launch of the kernel itself. More than 48 KiB of shared memory have to be allowed to the function before.
func (g ImplicitGEMM) Launch(c Convolution) Launch {
	rows, columns := g.tiles(c)
	// Blocks that follow each other have up to four tiles beside each other (CUTLASS's GemmIdentityThreadblockSwizzle<4>).
	beside := 1
	switch {
	case columns >= 3:
		beside = 4
	case columns == 2:
		beside = 2
	}
	return Launch{
		Grid:   [3]int{rows * beside, ceil(columns, beside), g.Slices(c)},
		Block:  [3]int{g.threads, 1, 1},
		Shared: g.shared,
	}
}
