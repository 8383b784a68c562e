package model

import (
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// SoftmaxCrossEntropy is the mean negative log-likelihood of the labels under the softmax of the logits, as
// torch.nn.functional.cross_entropy: (logits [N, K], labels [N]) → scalar. Labels are class indices 0 ≤ y < K, written as
// floats; Do returns an error for any other.
type SoftmaxCrossEntropy struct{ pure }

// Arity implements gorgonia.Op.
func (op SoftmaxCrossEntropy) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op SoftmaxCrossEntropy) Type() hm.Type { return signature(2, 1, 0) }

// String implements gorgonia.Op.
func (op SoftmaxCrossEntropy) String() string { return "SoftmaxCrossEntropy{}" }

// WriteHash implements gorgonia.Op.
func (op SoftmaxCrossEntropy) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op SoftmaxCrossEntropy) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op SoftmaxCrossEntropy) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 1)
	if err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), wantShape("labels", shapes[1], shapes[0][0])
}

// Do implements gorgonia.Op.
func (op SoftmaxCrossEntropy) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	if err := checkLabels(inputs); err != nil {
		return nil, fmt.Errorf("compute %v: %w", op, err)
	}
	return compute(op, inputs, softmaxCrossEntropy[float32], softmaxCrossEntropy[float64])
}

func softmaxCrossEntropy[T float](_ SoftmaxCrossEntropy, loss array[T], in []array[T]) {
	logits, labels := in[0], in[1].data
	sum := 0.0
	for n, label := range labels {
		row := rowOf(logits, n)
		sum += logSumExp(row) - row[int(label)]
	}
	loss.data[0] = T(sum / float64(len(labels)))
}

// DiffWRT implements gorgonia.SDOp.
func (op SoftmaxCrossEntropy) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff implements gorgonia.SDOp.
func (op SoftmaxCrossEntropy) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dlogits, err := gorgonia.ApplyOp(SoftmaxCrossEntropyGrad{}, inputs[0], inputs[1], grad)
	return gorgonia.Nodes{dlogits, nil}, err
}

// SoftmaxCrossEntropyGrad is the gradient of SoftmaxCrossEntropy: (logits [N, K], labels [N], dloss scalar) →
// dloss/N · (softmax(logits) − one-hot labels), [N, K].
type SoftmaxCrossEntropyGrad struct{ pure }

// Arity implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) Arity() int { return 3 }

// Type implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) Type() hm.Type { return signature(2, 1, 0, 2) }

// String implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) String() string { return "SoftmaxCrossEntropyGrad{}" }

// WriteHash implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 1, 0)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("labels", shapes[1], shapes[0][0])
}

// Do implements gorgonia.Op.
func (op SoftmaxCrossEntropyGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	if err := checkLabels(inputs); err != nil {
		return nil, fmt.Errorf("compute %v: %w", op, err)
	}
	return compute(op, inputs, softmaxCrossEntropyGrad[float32], softmaxCrossEntropyGrad[float64])
}

func softmaxCrossEntropyGrad[T float](_ SoftmaxCrossEntropyGrad, dlogits array[T], in []array[T]) {
	logits, labels, dloss := in[0], in[1].data, float64(in[2].data[0])
	classes := logits.shape[1]
	for n, label := range labels {
		row := rowOf(logits, n)
		total := logSumExp(row)
		for k, v := range row {
			p := math.Exp(v - total)
			if k == int(label) {
				p--
			}
			dlogits.data[n*classes+k] = T(dloss / float64(len(labels)) * p)
		}
	}
}

// checkLabels returns an error for the first label that is no class index. Wrong numbers or shapes of inputs are
// InferShape's to report.
func checkLabels(inputs []gorgonia.Value) error {
	if len(inputs) < 2 || inputs[0].Shape().Dims() != 2 || inputs[1].Shape().Dims() != 1 {
		return nil
	}
	if inputs[1].Dtype() == tensor.Float32 {
		return checkLabelsAs[float32](inputs)
	}
	return checkLabelsAs[float64](inputs)
}

func checkLabelsAs[T float](inputs []gorgonia.Value) error {
	classes := inputs[0].Shape()[1]
	labels, err := elements[T](inputs[1])
	if err != nil {
		return fmt.Errorf("read labels: %w", err)
	}
	for n, label := range labels {
		if !(label >= 0 && label < T(classes)) || label != T(int(label)) {
			return fmt.Errorf("label of row %d is %v, want an integer from 0 to %d", n, label, classes-1)
		}
	}
	return nil
}

func rowOf[T float](x array[T], n int) []float64 {
	row := make([]float64, x.shape[1])
	for k := range row {
		row[k] = x.at(n, k, false)
	}
	return row
}

// logSumExp is log Σ exp(x), with the greatest element taken out so that nothing overflows.
func logSumExp(x []float64) float64 {
	greatest := slices.Max(x)
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - greatest)
	}
	return greatest + math.Log(sum)
}
