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
	k := w.Inputs[0].Shape[1]
	if op.TransA {
		k = w.Inputs[0].Shape[0]
	}
	w.matmul(op, w.Out().Shape[0], w.Out().Shape[1], k, w.Inputs[0], w.Inputs[1], w.Out())
}

// matmul makes c [m, n] of a and b, whose inner dimension is k.
func (w *work) matmul(op model.MatMul, m, n, k int, a, b, c any) {
	kernel, launch := "matmul_float32", kernels.MatMul(m, n, k)
	if w.number != kernels.Float32 { // TF32 rounds less than bfloat16
		kernel, launch = "matmul_tfloat32", kernels.MatMulTensor(m, n, k)
	}
	parts, into := launch.Parts(), c
	if parts > 1 {
		into = w.need(parts * m * n * Float32.Bytes())
	}
	w.call(kernel, launch, kernels.Flag(op.TransA), kernels.Flag(op.TransB), int64(m), int64(n), int64(k), a, b, null{}, into)
	if parts > 1 {
		w.call("add_parts", kernels.Elementwise(m*n), int64(m*n), int64(parts), into, c)
	}
}
