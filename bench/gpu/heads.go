//go:build gpu

package main

import (
	"context"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
)

type address = gpu.Address

// head has the arrays behind the encoder.
type head struct {
	*memory
	sizes
	features int
}

// heads measures what comes behind the encoder: pooling, projections and losses.
func (r *roofline) heads(ctx context.Context, s sizes) error {
	h := head{&memory{device: r.device}, s, 8 * s.width}
	defer h.free()
	var all []launched
	for _, part := range []func() []launched{h.pools, h.products, h.contrast, h.redundancy, h.classifier, h.conversions} {
		all = append(all, part()...)
	}
	if h.err != nil {
		return h.err
	}
	return r.each(ctx, all)
}

func (h head) pools() []launched {
	pixels := max(1, h.size>>3) * max(1, h.size>>3)
	n, small := h.views*pixels*h.features, h.views*h.features
	y := h.normal(4, small)
	var all []launched
	for e, size := range map[string]int{"bfloat16": 2, "float32": 4} {
		x := h.normal(size, n)
		of := []any{int64(h.views), int64(pixels), int64(h.features)}
		bytes := float64(n*size + small*4)
		all = append(all,
			launched{of: "last stage", kernel: "average_pool_" + e, launch: kernels.Elementwise(small), count: 1, bytes: bytes,
				arguments: append(append([]any{}, of...), x.Address, y.Address)},
			launched{of: "last stage", kernel: "average_pool_grad_" + e, launch: kernels.Elementwise(n), count: 1, bytes: bytes,
				arguments: append(append([]any{}, of...), y.Address, x.Address)})
	}
	return all
}

// products are those of the projection head: forward, and its two gradients.
func (h head) products() []launched {
	var all []launched
	for _, k := range []struct {
		kernel, number string
		size           int
		launch         func(m, n int) kernels.Launch
	}{
		{"matmul_tfloat32", "tf32", 4, kernels.MatMulTensor}, {"matmul_float32", "float32", 4, kernels.MatMul},
		{"matmul_bfloat16", "float32", 2, kernels.MatMul},
	} {
		for _, p := range []struct {
			of             string
			transA, transB int32
			m, n, k        int
		}{
			{"first layer of the projection head, forward", 0, 1, h.views, h.hidden, h.features},
			{"its input's gradient", 0, 0, h.views, h.features, h.hidden},
			{"its weights' gradient", 1, 0, h.hidden, h.features, h.views},
		} {
			a, b, c := h.normal(k.size, p.m*p.k), h.normal(k.size, p.k*p.n), h.empty(4*p.m*p.n)
			all = append(all, launched{
				of: p.of, kernel: k.kernel, launch: k.launch(p.m, p.n), count: 1, number: k.number,
				arguments: []any{p.transA, p.transB, int64(p.m), int64(p.n), int64(p.k), a.Address, b.Address, address(0), c.Address},
				bytes:     float64(a.Bytes + b.Bytes + c.Bytes), operations: 2 * float64(p.m) * float64(p.n) * float64(p.k),
			})
		}
	}
	return all
}

// contrast is NT-Xent with the normalisation before it.
func (h head) contrast() []launched {
	views, dim, n := h.views, h.output, h.views*h.output
	x, z, dz, dx := h.normal(4, n), h.normal(4, n), h.normal(4, n), h.empty(4*n)
	rows, grad := kernels.NTXent(views), kernels.NTXentGrad(views, dim)
	parts, softmax := h.empty(4*rows.Parts()*2*views), h.empty(8*views)
	losses, loss, dloss := h.empty(8*views), h.empty(4), numbers(h.memory, float32(1))
	gradParts := h.empty(4 * grad.Parts() * n)
	const temperature = float32(0.5)
	matrix := float64(4 * n)
	similarities := 2 * float64(views) * float64(views) * float64(dim)
	of := "projections"
	return []launched{
		{of: of, kernel: "l2_normalize", launch: kernels.Rows(views), count: 1, bytes: 2 * matrix,
			arguments: []any{int64(views), int64(dim), x.Address, z.Address}},
		{of: of, kernel: "ntxent_rows", launch: rows, count: 1, bytes: matrix + float64(parts.Bytes), operations: similarities,
			number: "float32", arguments: []any{int64(views), int64(dim), temperature, z.Address, parts.Address}},
		{of: of, kernel: "ntxent_total", launch: kernels.Rows(views), count: 1, bytes: matrix + float64(parts.Bytes),
			arguments: []any{int64(views), int64(views / 2), int64(dim), int64(rows.Parts()), temperature, z.Address, parts.Address,
				softmax.Address, losses.Address}},
		{of: of, kernel: "mean", launch: kernels.Single(), count: 1, bytes: float64(losses.Bytes),
			arguments: []any{int64(views), losses.Address, loss.Address}},
		{of: of, kernel: "ntxent_grad", launch: grad, count: 1, bytes: matrix + float64(gradParts.Bytes),
			operations: 2 * similarities, number: "float32",
			arguments: []any{int64(views), int64(views / 2), int64(dim), temperature, z.Address, softmax.Address, dloss.Address,
				gradParts.Address}},
		{of: of, kernel: "ntxent_grad_total", launch: kernels.Elementwise(n), count: 1, bytes: matrix + float64(gradParts.Bytes),
			arguments: []any{int64(n), int64(grad.Parts()), gradParts.Address, dz.Address}},
		{of: of, kernel: "l2_normalize_grad", launch: kernels.Rows(views), count: 1, bytes: 4 * matrix,
			arguments: []any{int64(views), int64(dim), x.Address, z.Address, dz.Address, dx.Address}},
	}
}

// redundancy is the loss of Barlow Twins.
func (h head) redundancy() []launched {
	rows, width := h.views/2, h.barlow
	n := rows * width
	x, y, dy, dx := h.normal(4, n), h.normal(4, n), h.normal(4, n), h.empty(4*n)
	c, dc := h.normal(4, width*width), h.empty(4*width*width)
	losses, loss, dloss, sum := h.empty(8*width), h.empty(4), numbers(h.memory, float32(1)), h.empty(4*width)
	const lambda = 0.0051
	table, correlations := float64(4*n), float64(4*width*width)
	of := "Barlow Twins"
	return []launched{
		{of: of, kernel: "standardize", launch: kernels.Columns(width), count: 2, bytes: 2 * table,
			arguments: []any{int64(rows), int64(width), x.Address, y.Address}},
		{of: of, kernel: "standardize_grad", launch: kernels.Columns(width), count: 2, bytes: 4 * table,
			arguments: []any{int64(rows), int64(width), x.Address, y.Address, dy.Address, dx.Address}},
		{of: of, kernel: "redundancy_reduction_rows", launch: kernels.Rows(width), count: 1, bytes: correlations,
			arguments: []any{int64(width), lambda, c.Address, losses.Address}},
		{of: of, kernel: "sum", launch: kernels.Single(), count: 1, bytes: float64(losses.Bytes),
			arguments: []any{int64(width), losses.Address, loss.Address}},
		{of: of, kernel: "redundancy_reduction_grad", launch: kernels.Rows(width), count: 1, bytes: 2 * correlations,
			arguments: []any{int64(width), lambda, c.Address, dloss.Address, dc.Address}},
		{of: of, kernel: "column_sum", launch: kernels.Columns(width), bytes: table,
			arguments: []any{int64(rows), int64(width), x.Address, sum.Address}},
	}
}

// classifier is the loss of fine-tuning.
func (h head) classifier() []launched {
	const classes = 10
	rows := h.views
	n := rows * classes
	labels := make([]float32, rows)
	for i := range labels {
		labels[i] = float32(i % classes)
	}
	logits, of, dlogits := h.normal(4, n), numbers(h.memory, labels...), h.empty(4*n)
	losses, dloss, bias := h.empty(8*rows), numbers(h.memory, float32(1)), h.normal(4, classes)
	none, bytes := address(0), float64(4*n)
	return []launched{
		{of: "classifier", kernel: "add_bias_float32", launch: kernels.Elementwise(n), bytes: 2 * bytes,
			arguments: []any{int64(rows), int64(classes), logits.Address, bias.Address, dlogits.Address}},
		{of: "classifier", kernel: "cross_entropy_rows", launch: kernels.Rows(rows), bytes: bytes,
			arguments: []any{int64(rows), int64(classes), logits.Address, of.Address, losses.Address, none}},
		{of: "classifier", kernel: "cross_entropy_grad", launch: kernels.Rows(rows), bytes: 2 * bytes,
			arguments: []any{int64(rows), int64(classes), logits.Address, of.Address, dloss.Address, dlogits.Address, none}},
	}
}

// conversions are between the types of elements, and of half a batch's gradient into the whole's.
func (h head) conversions() []launched {
	n := h.views * h.size * h.size * 3
	wide, narrow, whole := h.normal(4, n), h.normal(2, n), h.empty(8*n)
	return []launched{
		{of: "images", kernel: "narrow", launch: kernels.Elementwise(n), count: 1, bytes: float64(6 * n),
			arguments: []any{int64(n), wide.Address, narrow.Address}},
		{of: "images", kernel: "widen", launch: kernels.Elementwise(n), bytes: float64(6 * n),
			arguments: []any{int64(n), narrow.Address, wide.Address}},
		{of: "images", kernel: "rows_grad_float32", launch: kernels.Elementwise(2 * n), bytes: float64(12 * n),
			arguments: []any{int64(n), int64(n), int64(2 * n), wide.Address, whole.Address}},
	}
}
