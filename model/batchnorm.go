package model

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchStats are the mean and variance of a batch, channel by channel: (x [N, C] or [N, H, W, C]) → [2, C], row 0 the mean
// and row 1 the biased variance over all axes but the last.
//
// Gorgonia doesn't differentiate it; BatchNorm's gradient includes the path through the statistics.
type BatchStats struct{ pure }

// Arity implements gorgonia.Op.
func (op BatchStats) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op BatchStats) Type() hm.Type { return signature(4, 2) }

// String implements gorgonia.Op.
func (op BatchStats) String() string { return "BatchStats{}" }

// WriteHash implements gorgonia.Op.
func (op BatchStats) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op BatchStats) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op BatchStats) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1)
	if err != nil {
		return nil, err
	}
	channels, err := lastAxis(shapes[0])
	return tensor.Shape{2, channels}, err
}

// Do implements gorgonia.Op.
func (op BatchStats) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, batchStats[float32], batchStats[float64])
}

// batchStats goes over the data twice: the difference of mean square and squared mean would lose the variance of a
// channel whose mean is large.
func batchStats[T float](_ BatchStats, stats array[T], in []array[T]) {
	x, channels := in[0], stats.shape[1]
	count := float64(len(x.data) / channels)
	sums := make([]float64, 2*channels)
	mean, variance := sums[:channels], sums[channels:]
	for i, v := range x.data {
		mean[i%channels] += float64(v) / count
	}
	for i, v := range x.data {
		d := float64(v) - mean[i%channels]
		variance[i%channels] += d * d / count
	}
	store(stats.data, sums)
}

// DiffWRT implements gorgonia.SDOp.
func (op BatchStats) DiffWRT(int) []bool { return []bool{false} }

// SymDiff implements gorgonia.SDOp. Gorgonia never calls it, because DiffWRT is false.
func (op BatchStats) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("differentiate %v: its gradient is part of BatchNorm's", op)
}

// BatchNorm is batch normalisation (Ioffe and Szegedy 2015, algorithm 1): (x [N, C] or [N, H, W, C], stats [2, C],
// weight [C], bias [C]) → (x − mean) / √(variance + Epsilon) · weight + bias, shaped as x.
//
// In training stats is the BatchStats node of the same x, and the gradient by x is the total derivative, through the
// statistics too. In inference stats is a leaf with the running statistics, and there is no gradient.
type BatchNorm struct {
	pure
	Epsilon float64
}

// Arity implements gorgonia.Op.
func (op BatchNorm) Arity() int { return 4 }

// Type implements gorgonia.Op.
func (op BatchNorm) Type() hm.Type {
	return hm.NewFnType(like, ranked(2), ranked(1), ranked(1), like)
}

// String implements gorgonia.Op.
func (op BatchNorm) String() string { return fmt.Sprintf("BatchNorm{Epsilon: %v}", op.Epsilon) }

// WriteHash implements gorgonia.Op.
func (op BatchNorm) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op BatchNorm) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op BatchNorm) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1, 2, 1, 1)
	if err != nil {
		return nil, err
	}
	channels, err := lastAxis(shapes[0])
	if err != nil {
		return nil, err
	}
	if err := wantShape("stats", shapes[1], 2, channels); err != nil {
		return nil, err
	}
	if err := wantShape("weight", shapes[2], channels); err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("bias", shapes[3], channels)
}

// Do implements gorgonia.Op.
func (op BatchNorm) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, batchNorm[float32], batchNorm[float64])
}

func batchNorm[T float](op BatchNorm, y array[T], in []array[T]) {
	x, stats, weight, bias := in[0], in[1], in[2].data, in[3].data
	channels := len(weight)
	normalised := normaliser(stats, op.Epsilon)
	for i, v := range x.data {
		c := i % channels
		y.data[i] = T(normalised(v, c)*float64(weight[c]) + float64(bias[c]))
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op BatchNorm) DiffWRT(int) []bool { return []bool{true, false, true, true} }

// SymDiff implements gorgonia.SDOp.
func (op BatchNorm) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, stats, weight := inputs[0], inputs[1], inputs[2]
	if _, training := stats.Op().(BatchStats); !training {
		return nil, fmt.Errorf("differentiate %v: its statistics are not those of the batch", op)
	}
	affine, err := gorgonia.ApplyOp(BatchNormAffineGrad{Epsilon: op.Epsilon}, x, stats, grad)
	if err != nil {
		return nil, err
	}
	dx, err := gorgonia.ApplyOp(BatchNormInputGrad{Epsilon: op.Epsilon}, x, stats, weight, grad, affine)
	if err != nil {
		return nil, err
	}
	dweight, err := gorgonia.ApplyOp(Row{Index: 0}, affine)
	if err != nil {
		return nil, err
	}
	dbias, err := gorgonia.ApplyOp(Row{Index: 1}, affine)
	return gorgonia.Nodes{dx, nil, dweight, dbias}, err
}

// BatchNormAffineGrad is the gradient of BatchNorm by its weight and bias: (x, stats [2, C], dy) → [2, C], row 0 for the
// weight, Σ dy·(x − mean)/√(variance + Epsilon), and row 1 for the bias, Σ dy.
type BatchNormAffineGrad struct {
	pure
	Epsilon float64
}

// Arity implements gorgonia.Op.
func (op BatchNormAffineGrad) Arity() int { return 3 }

// Type implements gorgonia.Op.
func (op BatchNormAffineGrad) Type() hm.Type {
	return hm.NewFnType(like, ranked(2), like, ranked(2))
}

// String implements gorgonia.Op.
func (op BatchNormAffineGrad) String() string {
	return fmt.Sprintf("BatchNormAffineGrad{Epsilon: %v}", op.Epsilon)
}

// WriteHash implements gorgonia.Op.
func (op BatchNormAffineGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op BatchNormAffineGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op BatchNormAffineGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1, 2, -1)
	if err != nil {
		return nil, err
	}
	channels, err := lastAxis(shapes[0])
	if err != nil {
		return nil, err
	}
	if err := wantShape("stats", shapes[1], 2, channels); err != nil {
		return nil, err
	}
	return tensor.Shape{2, channels}, wantShape("dy", shapes[2], shapes[0]...)
}

// Do implements gorgonia.Op.
func (op BatchNormAffineGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, batchNormAffineGrad[float32], batchNormAffineGrad[float64])
}

func batchNormAffineGrad[T float](op BatchNormAffineGrad, grad array[T], in []array[T]) {
	x, stats, dy := in[0], in[1], in[2]
	channels := grad.shape[1]
	normalised := normaliser(stats, op.Epsilon)
	sums := make([]float64, 2*channels)
	for i, d := range dy.data {
		c := i % channels
		sums[c] += float64(d) * normalised(x.data[i], c)
		sums[channels+c] += float64(d)
	}
	store(grad.data, sums)
}

// BatchNormInputGrad is the gradient of BatchNorm by x, through the statistics of the batch too: (x, stats [2, C],
// weight [C], dy, affine [2, C]) → dx, where affine is the result of BatchNormAffineGrad. With x̂ the normalised x and n
// the number of values per channel, dx = weight/√(variance + Epsilon) · (dy − affine₁/n − x̂·affine₀/n).
type BatchNormInputGrad struct {
	pure
	Epsilon float64
}

// Arity implements gorgonia.Op.
func (op BatchNormInputGrad) Arity() int { return 5 }

// Type implements gorgonia.Op.
func (op BatchNormInputGrad) Type() hm.Type {
	return hm.NewFnType(like, ranked(2), ranked(1), like, ranked(2), like)
}

// String implements gorgonia.Op.
func (op BatchNormInputGrad) String() string {
	return fmt.Sprintf("BatchNormInputGrad{Epsilon: %v}", op.Epsilon)
}

// WriteHash implements gorgonia.Op.
func (op BatchNormInputGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op BatchNormInputGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op BatchNormInputGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1, 2, 1, -1, 2)
	if err != nil {
		return nil, err
	}
	channels, err := lastAxis(shapes[0])
	if err != nil {
		return nil, err
	}
	if err := wantShape("stats", shapes[1], 2, channels); err != nil {
		return nil, err
	}
	if err := wantShape("weight", shapes[2], channels); err != nil {
		return nil, err
	}
	if err := wantShape("dy", shapes[3], shapes[0]...); err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("affine", shapes[4], 2, channels)
}

// Do implements gorgonia.Op.
func (op BatchNormInputGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, batchNormInputGrad[float32], batchNormInputGrad[float64])
}

func batchNormInputGrad[T float](op BatchNormInputGrad, dx array[T], in []array[T]) {
	x, stats, weight, dy, affine := in[0], in[1], in[2].data, in[3], in[4].data
	channels := len(weight)
	count := float64(len(x.data) / channels)
	normalised := normaliser(stats, op.Epsilon)
	for i, d := range dy.data {
		c := i % channels
		scale := float64(weight[c]) / math.Sqrt(float64(stats.data[channels+c])+op.Epsilon)
		dweight, dbias := float64(affine[c]), float64(affine[channels+c])
		dx.data[i] = T(scale * (float64(d) - dbias/count - normalised(x.data[i], c)*dweight/count))
	}
}

// normaliser returns x̂ as a function of a value and its channel.
func normaliser[T float](stats array[T], epsilon float64) func(v T, channel int) float64 {
	channels := stats.shape[1]
	scale := make([]float64, channels)
	for c := range scale {
		scale[c] = 1 / math.Sqrt(float64(stats.data[channels+c])+epsilon)
	}
	return func(v T, c int) float64 { return (float64(v) - float64(stats.data[c])) * scale[c] }
}

// lastAxis is the number of channels of [N, C] or [N, H, W, C].
func lastAxis(x tensor.Shape) (int, error) {
	if x.Dims() != 2 && x.Dims() != 4 {
		return 0, fmt.Errorf("x has shape %v, want [N, C] or [N, H, W, C]", x)
	}
	return x[x.Dims()-1], nil
}
