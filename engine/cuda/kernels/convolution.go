package kernels

import "fmt"

// Convolution is of x [Batch, Height, Width, In], filters [Out, Kernel, Kernel, In] and y [Batch, H, W, Out], zero padded by
// Pad on all sides.
type Convolution struct{ Batch, Height, Width, In, Out, Kernel, Stride, Pad int }

// Direction says which of a convolution's three tensors is computed from the other two.
type Direction int

// The directions of a convolution.
const (
	Forward Direction = iota
	InputGradient
	WeightGradient
)

func (d Direction) String() string {
	return [...]string{Forward: "forward", InputGradient: "input_gradient", WeightGradient: "weight_gradient"}[d]
}

// Output is the height and width of y.
func (c Convolution) Output() (height, width int) {
	return (c.Height+2*c.Pad-c.Kernel)/c.Stride + 1, (c.Width+2*c.Pad-c.Kernel)/c.Stride + 1
}

// Sizes are the numbers of elements of x, the filters and y.
func (c Convolution) Sizes() (x, filters, y int) {
	height, width := c.Output()
	return c.Batch * c.Height * c.Width * c.In, c.Out * c.Kernel * c.Kernel * c.In, c.Batch * height * width * c.Out
}

// Arguments are the sizes that every kernel of a convolution takes first.
func (c Convolution) Arguments() []int64 {
	return []int64{int64(c.Batch), int64(c.Height), int64(c.Width), int64(c.In), int64(c.Out), int64(c.Kernel),
		int64(c.Stride), int64(c.Pad)}
}

// Padded is c with more input channels, which are zero: the smallest multiple of `multiple`.
func (c Convolution) Padded(multiple int) Convolution {
	c.In = ceil(c.In, multiple) * multiple
	return c
}

// Direct is the kernel of convolution_direct.cu for a direction and a type of elements, and its launch. It takes any size. A
// weight gradient leaves Parts partial results.
func (c Convolution) Direct(d Direction, elements string) (kernel string, launch Launch) {
	x, filters, y := c.Sizes()
	kernel = fmt.Sprintf("convolution_direct_%v_%s", d, elements)
	switch d {
	case Forward:
		return kernel, eachThread(y)
	case InputGradient:
		return kernel, eachThread(x)
	default:
		launch = eachThread(filters)
		const pixels = 256 // of a part, at least
		launch.Grid[1] = clamp(mostBlocks/launch.Grid[0], 1, ceil(y/c.Out, pixels))
		return kernel, launch
	}
}

// Filters is the launch of filters_T and convolution_weight_sum.
func (c Convolution) Filters() Launch {
	_, filters, _ := c.Sizes()
	return eachThread(filters)
}

// PadChannels is the launch of pad_channels_T, for the convolution with the padded channels.
func (c Convolution) PadChannels() Launch {
	x, _, _ := c.Sizes()
	return eachThread(x)
}

// eachThread gives every thread one element, or several where there are very many.
func eachThread(n int) Launch {
	return Launch{Grid: [3]int{clamp(ceil(n, blockThreads), 1, mostBlocks), 1, 1}, Block: [3]int{blockThreads, 1, 1}}
}
