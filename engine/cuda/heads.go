//go:build gpu

package cuda

import (
	"twinview/engine/cuda/kernels"
	"twinview/model"
)

// head makes the calls of the ops of a loss or of what leads from the network's output to it, all float32, or tells that the op
// is none of them.
func (w *work) head() bool {
	in, out := w.Inputs, w.Out()
	rows, columns := in[0].Rows()
	r, c := int64(rows), int64(columns)
	each := kernels.Elementwise(out.Elements())
	switch op := w.Op.(type) {
	case model.MatMul:
		w.multiply(op)
	case model.AddBias:
		w.call("add_bias_float32", each, r, c, in[0], in[1], out)
	case model.ColumnSum:
		w.call("column_sum", kernels.Columns(columns), r, c, in[0], out)
	case model.Row:
		w.copy(op.Index * out.Elements())
	case model.Rows:
		w.copy(op.From * columns)
	case model.RowsGrad:
		w.call("rows_grad_float32", each, int64(op.From)*c, r*c, int64(op.N)*c, in[0], out)
	case model.L2Normalize:
		w.call("l2_normalize", kernels.Rows(rows), r, c, in[0], out)
	case model.L2NormalizeGrad:
		w.call("l2_normalize_grad", kernels.Rows(rows), r, c, in[0], in[1], in[2], out)
	case model.Standardize:
		w.call("standardize", kernels.Columns(columns), r, c, in[0], out)
	case model.StandardizeGrad:
		w.call("standardize_grad", kernels.Columns(columns), r, c, in[0], in[1], in[2], out)
	default:
		return w.loss()
	}
	return true
}

// copy makes the result of the input's elements from one on.
func (w *work) copy(from int) {
	n := w.Out().Elements()
	w.call("scale_float32", kernels.Elementwise(n), int64(n), float32(1), part{w.Inputs[0], from}, w.Out())
}

func (w *work) multiply(op model.MatMul) {
	m, n, k := w.Out().Shape[0], w.Out().Shape[1], w.Inputs[0].Shape[1]
	transA, transB := int32(0), int32(0)
	if op.TransA {
		transA, k = 1, w.Inputs[0].Shape[0]
	}
	if op.TransB {
		transB = 1
	}
	kernel, launch := "matmul_float32", kernels.MatMul(m, n)
	if w.number != kernels.Float32 { // TF32 rounds less than bfloat16
		kernel, launch = "matmul_tfloat32", kernels.MatMulTensor(m, n)
	}
	w.call(kernel, launch, transA, transB, int64(m), int64(n), int64(k), w.Inputs[0], w.Inputs[1], null{}, w.Out())
}
