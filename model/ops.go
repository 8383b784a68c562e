package model

import (
	"errors"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type pure struct{}

func (pure) Arity() int    { return -1 }
func (pure) Type() hm.Type { return nil }
func (pure) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return nil, errors.ErrUnsupported
}
func (pure) Do(...gorgonia.Value) (gorgonia.Value, error) { return nil, errors.ErrUnsupported }
func (pure) ReturnsPtr() bool                              { return false }
func (pure) CallsExtern() bool                             { return false }
func (pure) OverwritesInput() int                          { return -1 }
func (pure) WriteHash(hash.Hash)                           {}
func (pure) Hashcode() uint32                              { return 0 }
func (pure) String() string                                { return "" }

type (
	// Conv2D is (x [N,H,W,I], w [O,I,K,K]) → [N,H',W',O].
	Conv2D struct {
		pure
		Stride, Pad int
	}
	// Conv2DInputGrad is (w, dy) → dx [N,Height,Width,I].
	Conv2DInputGrad struct {
		pure
		Stride, Pad, Height, Width int
	}
	// Conv2DWeightGrad is (x, dy) → dw [O,I,Kernel,Kernel].
	Conv2DWeightGrad struct {
		pure
		Stride, Pad, Kernel int
	}
	// BatchStats is (x [...,C]) → [2,C].
	BatchStats struct{ pure }
	// BatchNorm is (x, stats [2,C], weight [C], bias [C]) → y.
	BatchNorm struct {
		pure
		Epsilon float64
	}
	// BatchNormAffineGrad is (x, stats, dy) → [2,C].
	BatchNormAffineGrad struct {
		pure
		Epsilon float64
	}
	// BatchNormInputGrad is (x, stats, weight, dy, affineGrad [2,C]) → dx.
	BatchNormInputGrad struct {
		pure
		Epsilon float64
	}
	// Row is ([R,C]) → [C].
	Row struct {
		pure
		Index int
	}
	// Rows is ([N,D]) → [To-From, D].
	Rows struct {
		pure
		From, To int
	}
	// RowsGrad is (dy) → [N,D], zero elsewhere.
	RowsGrad struct {
		pure
		From, To, N int
	}
	// ReLU is max(x, 0).
	ReLU struct{ pure }
	// ReLUGrad is (y, dy) → dx.
	ReLUGrad struct{ pure }
	// GlobalAvgPool is [N,H,W,C] → [N,C].
	GlobalAvgPool struct{ pure }
	// GlobalAvgPoolGrad is (dy) → [N,Height,Width,C].
	GlobalAvgPoolGrad struct {
		pure
		Height, Width int
	}
	// MatMul is op(a)·op(b), rank 2.
	MatMul struct {
		pure
		TransA, TransB bool
	}
	// AddBias is (x [N,C], b [C]) → [N,C].
	AddBias struct{ pure }
	// ColumnSum is (dy [N,C]) → [C].
	ColumnSum struct{ pure }
	// L2Normalize divides each row of [N,D] by its norm.
	L2Normalize struct{ pure }
	// L2NormalizeGrad is (x, y, dy) → dx.
	L2NormalizeGrad struct{ pure }
	// NTXent is (z [2N,D]) → scalar.
	NTXent struct {
		pure
		Temperature float64
	}
	// NTXentGrad is (z, dloss) → dz.
	NTXentGrad struct {
		pure
		Temperature float64
	}
	// Standardize centres the columns of [N,D] and divides them by their norm.
	Standardize struct{ pure }
	// StandardizeGrad is (x, y, dy) → dx.
	StandardizeGrad struct{ pure }
	// RedundancyReduction is (c [D,D]) → scalar.
	RedundancyReduction struct {
		pure
		Lambda float64
	}
	// RedundancyReductionGrad is (c, dloss) → dc.
	RedundancyReductionGrad struct {
		pure
		Lambda float64
	}
	// SoftmaxCrossEntropy is (logits [N,K], labels [N]) → scalar mean.
	SoftmaxCrossEntropy struct{ pure }
	// SoftmaxCrossEntropyGrad is (logits, labels, dloss) → dlogits.
	SoftmaxCrossEntropyGrad struct{ pure }
)
