package enginetest

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/engine/lowering"
	"twinview/model"
)

// The loss of Barlow Twins by way of the products that engines make for it: those of rows, or of columns where they are fewer.

func (m *lowered) redundancy(op model.RedundancyReduction, a, b gorgonia.Value) (float32, error) {
	var x, y gorgonia.Value
	var err error
	if a.Shape()[0] > a.Shape()[1] {
		x, err = m.product(model.MatMul{TransA: true}, a, b)
		y = x
	} else if x, err = m.product(model.MatMul{TransB: true}, a, a); err == nil {
		y, err = m.product(model.MatMul{TransB: true}, b, b)
	}
	if err != nil {
		return 0, fmt.Errorf("multiply for %v: %w", op, err)
	}
	loss := 0.
	for i, v := range lowering.Elements(x) {
		loss += op.Lambda * float64(v) * float64(lowering.Elements(y)[i])
	}
	for _, c := range diagonal(a, b) {
		loss += (1-c)*(1-c) - op.Lambda*c*c
	}
	return float32(loss), nil
}

func (m *lowered) redundancyGrad(op model.RedundancyReductionGrad, a, b gorgonia.Value, dloss float32) (array, error) {
	var inner, product gorgonia.Value
	var err error
	if a.Shape()[0] > a.Shape()[1] {
		if inner, err = m.product(model.MatMul{TransA: true}, b, a); err == nil {
			product, err = m.product(model.MatMul{}, b, inner)
		}
	} else if inner, err = m.product(model.MatMul{TransB: true}, b, b); err == nil {
		product, err = m.product(model.MatMul{}, inner, a)
	}
	if err != nil {
		return nil, fmt.Errorf("multiply for %v: %w", op, err)
	}
	da, of, correlations := lowering.Elements(product), lowering.Elements(b), diagonal(a, b)
	for i := range da {
		share := (1-op.Lambda)*correlations[i%len(correlations)] - 1
		da[i] = float32(2 * float64(dloss) * (op.Lambda*float64(da[i]) + share*float64(of[i])))
	}
	return da, nil
}

// diagonal is that of the matrix of correlations: of each column of a with the same column of b.
func diagonal(a, b gorgonia.Value) []float64 {
	correlations := make([]float64, a.Shape()[1])
	for i, v := range lowering.Elements(a) {
		correlations[i%len(correlations)] += float64(v) * float64(lowering.Elements(b)[i])
	}
	return correlations
}
