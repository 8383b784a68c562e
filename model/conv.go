package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Conv2D is two-dimensional cross-correlation with a square kernel and zero padding, as torch.nn.functional.conv2d:
// (x [N, H, W, I], w [O, I, K, K]) → [N, H', W', O] with H' = ⌊(H + 2·Pad − K) / Stride⌋ + 1.
type Conv2D struct {
	pure
	Stride, Pad int
}

// Arity implements gorgonia.Op.
func (op Conv2D) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op Conv2D) Type() hm.Type { return signature(4, 4, 4) }

// String implements gorgonia.Op.
func (op Conv2D) String() string {
	return fmt.Sprintf("Conv2D{Stride: %d, Pad: %d}", op.Stride, op.Pad)
}

// WriteHash implements gorgonia.Op.
func (op Conv2D) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Conv2D) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Conv2D) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 4, 4)
	if err != nil {
		return nil, err
	}
	x, w := shapes[0], shapes[1]
	switch {
	case w[2] != w[3]:
		return nil, fmt.Errorf("w has shape %v, want a square kernel", w)
	case w[1] != x[3]:
		return nil, fmt.Errorf("w takes %d channels, x has %d", w[1], x[3])
	}
	return convShape(x, w[0], w[2], op.Stride, op.Pad)
}

// Do implements gorgonia.Op.
func (op Conv2D) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, conv2D[float32], conv2D[float64])
}

func conv2D[T float](op Conv2D, y array[T], in []array[T]) {
	x, w := in[0], in[1]
	outC, inC, taps := w.shape[0], w.shape[1], w.shape[2]*w.shape[3]
	sums := make([]float64, len(y.data))
	eachTap(x.shape, y.shape, w.shape[2], op.Stride, op.Pad, func(to, from, tap int) {
		for o := range outC {
			for i := range inC {
				sums[to*outC+o] += float64(x.data[from*inC+i]) * float64(w.data[(o*inC+i)*taps+tap])
			}
		}
	})
	store(y.data, sums)
}

// DiffWRT implements gorgonia.SDOp.
func (op Conv2D) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff implements gorgonia.SDOp.
func (op Conv2D) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, w := inputs[0], inputs[1]
	inputGrad := Conv2DInputGrad{Stride: op.Stride, Pad: op.Pad, Height: x.Shape()[1], Width: x.Shape()[2]}
	dx, err := gorgonia.ApplyOp(inputGrad, w, grad)
	if err != nil {
		return nil, err
	}
	dw, err := gorgonia.ApplyOp(Conv2DWeightGrad{Stride: op.Stride, Pad: op.Pad, Kernel: w.Shape()[2]}, x, grad)
	return gorgonia.Nodes{dx, dw}, err
}

// Conv2DInputGrad is the gradient of Conv2D by its input: (w [O, I, K, K], dy [N, H', W', O]) → dx [N, Height, Width, I].
// Height and Width are needed because a strided convolution maps several input sizes to one output size.
type Conv2DInputGrad struct {
	pure
	Stride, Pad, Height, Width int
}

// Arity implements gorgonia.Op.
func (op Conv2DInputGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op Conv2DInputGrad) Type() hm.Type { return signature(4, 4, 4) }

// String implements gorgonia.Op.
func (op Conv2DInputGrad) String() string {
	return fmt.Sprintf("Conv2DInputGrad{Stride: %d, Pad: %d, Height: %d, Width: %d}",
		op.Stride, op.Pad, op.Height, op.Width)
}

// WriteHash implements gorgonia.Op.
func (op Conv2DInputGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Conv2DInputGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Conv2DInputGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 4, 4)
	if err != nil {
		return nil, err
	}
	w, dy := shapes[0], shapes[1]
	dx := tensor.Shape{dy[0], op.Height, op.Width, w[1]}
	y, err := Conv2D{Stride: op.Stride, Pad: op.Pad}.InferShape(dx, w)
	if err != nil {
		return nil, err
	}
	return dx, wantShape("dy", dy, y...)
}

// Do implements gorgonia.Op.
func (op Conv2DInputGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, conv2DInputGrad[float32], conv2DInputGrad[float64])
}

func conv2DInputGrad[T float](op Conv2DInputGrad, dx array[T], in []array[T]) {
	w, dy := in[0], in[1]
	outC, inC, taps := w.shape[0], w.shape[1], w.shape[2]*w.shape[3]
	sums := make([]float64, len(dx.data))
	eachTap(dx.shape, dy.shape, w.shape[2], op.Stride, op.Pad, func(to, from, tap int) {
		for o := range outC {
			for i := range inC {
				sums[from*inC+i] += float64(dy.data[to*outC+o]) * float64(w.data[(o*inC+i)*taps+tap])
			}
		}
	})
	store(dx.data, sums)
}

// Conv2DWeightGrad is the gradient of Conv2D by its weight: (x [N, H, W, I], dy [N, H', W', O]) → dw [O, I, Kernel, Kernel].
type Conv2DWeightGrad struct {
	pure
	Stride, Pad, Kernel int
}

// Arity implements gorgonia.Op.
func (op Conv2DWeightGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op Conv2DWeightGrad) Type() hm.Type { return signature(4, 4, 4) }

// String implements gorgonia.Op.
func (op Conv2DWeightGrad) String() string {
	return fmt.Sprintf("Conv2DWeightGrad{Stride: %d, Pad: %d, Kernel: %d}", op.Stride, op.Pad, op.Kernel)
}

// WriteHash implements gorgonia.Op.
func (op Conv2DWeightGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Conv2DWeightGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Conv2DWeightGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 4, 4)
	if err != nil {
		return nil, err
	}
	x, dy := shapes[0], shapes[1]
	y, err := convShape(x, dy[3], op.Kernel, op.Stride, op.Pad)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{dy[3], x[3], op.Kernel, op.Kernel}, wantShape("dy", dy, y...)
}

// Do implements gorgonia.Op.
func (op Conv2DWeightGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, conv2DWeightGrad[float32], conv2DWeightGrad[float64])
}

func conv2DWeightGrad[T float](op Conv2DWeightGrad, dw array[T], in []array[T]) {
	x, dy := in[0], in[1]
	outC, inC, taps := dw.shape[0], dw.shape[1], op.Kernel*op.Kernel
	sums := make([]float64, len(dw.data))
	eachTap(x.shape, dy.shape, op.Kernel, op.Stride, op.Pad, func(to, from, tap int) {
		for o := range outC {
			for i := range inC {
				sums[(o*inC+i)*taps+tap] += float64(dy.data[to*outC+o]) * float64(x.data[from*inC+i])
			}
		}
	})
	store(dw.data, sums)
}

// convShape is the shape of a convolution's output of the given number of channels.
func convShape(x tensor.Shape, channels, kernel, stride, pad int) (tensor.Shape, error) {
	if stride < 1 || pad < 0 || kernel < 1 {
		return nil, fmt.Errorf("kernel %d, stride %d and padding %d: want at least 1, 1 and 0", kernel, stride, pad)
	}
	height, width := x[1]+2*pad-kernel, x[2]+2*pad-kernel
	if height < 0 || width < 0 {
		return nil, fmt.Errorf("x of shape %v with padding %d is smaller than the %d×%d kernel", x, pad, kernel, kernel)
	}
	return tensor.Shape{x[0], height/stride + 1, width/stride + 1, channels}, nil
}

// eachTap visits every term of a convolution's sums: the output pixel `to` takes the input pixel `from` times the kernel's
// element `tap`. Pixels are counted over the whole batch; places in the padding are left out.
func eachTap(x, y tensor.Shape, kernel, stride, pad int, visit func(to, from, tap int)) {
	for to := range y[0] * y[1] * y[2] {
		n, row, col := to/(y[1]*y[2]), to/y[2]%y[1], to%y[2]
		for tap := range kernel * kernel {
			h, w := row*stride-pad+tap/kernel, col*stride-pad+tap%kernel
			if h >= 0 && h < x[1] && w >= 0 && w < x[2] {
				visit(to, (n*x[1]+h)*x[2]+w, tap)
			}
		}
	}
}
