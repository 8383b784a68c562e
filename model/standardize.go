package model

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Standardize centres each column and divides it by its Euclidean norm, or by NormFloor where that is greater:
// ([N, D]) → [N, D]. The product of one batch's columns with another's is then their correlation, as Barlow Twins
// (Zbontar et al. 2021, eq. 2) defines it on projections that are centred over the batch.
type Standardize struct{ pure }

// Arity implements gorgonia.Op.
func (op Standardize) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op Standardize) Type() hm.Type { return signature(2, 2) }

// String implements gorgonia.Op.
func (op Standardize) String() string { return "Standardize{}" }

// WriteHash implements gorgonia.Op.
func (op Standardize) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Standardize) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Standardize) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	if shapes[0][0] < 2 {
		return nil, fmt.Errorf("x has shape %v: a column of one value has no deviation, want at least 2 rows", shapes[0])
	}
	return shapes[0].Clone(), nil
}

// Do implements gorgonia.Op.
func (op Standardize) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, standardize[float32], standardize[float64])
}

func standardize[T float](_ Standardize, y array[T], in []array[T]) {
	x, columns := in[0].data, y.shape[1]
	means := columnMeans(in[0])
	norms := centredNorms(in[0], means)
	for i, v := range x {
		y.data[i] = T((float64(v) - means[i%columns]) / max(norms[i%columns], NormFloor))
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op Standardize) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op Standardize) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := gorgonia.ApplyOp(StandardizeGrad{}, inputs[0], output, grad)
	return gorgonia.Nodes{dx}, err
}

// StandardizeGrad is the gradient of Standardize: (x, y, dy, all [N, D]) → dx = (dy − mean(dy) − y·⟨y, dy⟩) / ‖x − mean(x)‖,
// column by column. Where the norm is below NormFloor, the term with ⟨y, dy⟩ is left out and the divisor is the floor.
type StandardizeGrad struct{ pure }

// Arity implements gorgonia.Op.
func (op StandardizeGrad) Arity() int { return 3 }

// Type implements gorgonia.Op.
func (op StandardizeGrad) Type() hm.Type { return signature(2, 2, 2, 2) }

// String implements gorgonia.Op.
func (op StandardizeGrad) String() string { return "StandardizeGrad{}" }

// WriteHash implements gorgonia.Op.
func (op StandardizeGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op StandardizeGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op StandardizeGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	return sameMatrices(inputs)
}

// Do implements gorgonia.Op.
func (op StandardizeGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, standardizeGrad[float32], standardizeGrad[float64])
}

func standardizeGrad[T float](_ StandardizeGrad, dx array[T], in []array[T]) {
	x, y, dy := in[0], in[1].data, in[2]
	columns := x.shape[1]
	norms := centredNorms(x, columnMeans(x))
	means := columnMeans(dy)
	along := make([]float64, columns)
	for i, d := range dy.data {
		along[i%columns] += float64(y[i]) * float64(d)
	}
	for i, d := range dy.data {
		c := i % columns
		centred := float64(d) - means[c]
		if norms[c] < NormFloor {
			dx.data[i] = T(centred / NormFloor)
			continue
		}
		dx.data[i] = T((centred - float64(y[i])*along[c]) / norms[c])
	}
}

func columnMeans[T float](x array[T]) []float64 {
	means := make([]float64, x.shape[1])
	for i, v := range x.data {
		means[i%len(means)] += float64(v) / float64(x.shape[0])
	}
	return means
}

// centredNorms are the Euclidean norms of the columns after subtracting their means.
func centredNorms[T float](x array[T], means []float64) []float64 {
	norms := make([]float64, len(means))
	for i, v := range x.data {
		d := float64(v) - means[i%len(means)]
		norms[i%len(means)] += d * d
	}
	for c := range norms {
		norms[c] = math.Sqrt(norms[c])
	}
	return norms
}
