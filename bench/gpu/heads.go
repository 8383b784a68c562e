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
		launch         func(m, n, k int) kernels.Launch
	}{
		{"matmul_tfloat32", "tf32", kernels.MatMulTensor}, {"matmul_float32", "float32", kernels.MatMul},
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
			launch := k.launch(p.m, p.n, p.k)
			a, b, c := h.normal(4, p.m*p.k), h.normal(4, p.k*p.n), h.empty(4*launch.Parts()*p.m*p.n)
			all = append(all, launched{
				of: p.of, kernel: k.kernel, launch: launch, count: 1, number: k.number,
				arguments: []any{p.transA, p.transB, int64(p.m), int64(p.n), int64(p.k), a.Address, b.Address, address(0), c.Address},
				bytes:     float64(a.Bytes + b.Bytes + c.Bytes), operations: 2 * float64(p.m) * float64(p.n) * float64(p.k),
			})
			if launch.Parts() > 1 {
				all = append(all, h.parts(p.of, launch, p.m*p.n))
			}
		}
	}
	return all
}

// parts adds up what a product of n results left. As the products themselves it counts for no step.
func (h head) parts(of string, product kernels.Launch, n int) launched {
	partial, c := h.normal(4, product.Parts()*n), h.empty(4*n)
	return launched{of: of, kernel: "add_parts", launch: kernels.Elementwise(n), bytes: float64(partial.Bytes + c.Bytes),
		arguments: []any{int64(n), int64(product.Parts()), partial.Address, c.Address}}
}

// contrast is NT-Xent with the normalisation before it. The gradient makes the softmax again.
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
		{of: of, kernel: "ntxent_rows", launch: rows, count: 2, bytes: matrix + float64(parts.Bytes), operations: similarities,
			number: "float32", arguments: []any{int64(views), int64(dim), temperature, z.Address, parts.Address}},
		{of: of, kernel: "ntxent_total", launch: kernels.Rows(views), count: 2, bytes: matrix + float64(parts.Bytes),
			arguments: []any{int64(views), int64(views / 2), int64(dim), int64(rows.Parts()), temperature, z.Address, parts.Address,
				softmax.Address, losses.Address}},
		{of: of, kernel: "mean", launch: kernels.Single(), count: 1, bytes: float64(losses.Bytes),
			arguments: []any{int64(views), losses.Address, loss.Address}},
		{of: of, kernel: "ntxent_grad", launch: grad, count: 1, bytes: matrix + float64(gradParts.Bytes),
			operations: 2 * similarities, number: "float32",
			arguments: []any{int64(views), int64(views / 2), int64(dim), temperature, z.Address, softmax.Address, dloss.Address,
				gradParts.Address}},
		{of: of, kernel: "add_parts", launch: kernels.Elementwise(n), count: 1, bytes: matrix + float64(gradParts.Bytes),
			arguments: []any{int64(n), int64(grad.Parts()), gradParts.Address, dz.Address}},
		{of: of, kernel: "l2_normalize_grad", launch: kernels.Rows(views), count: 1, bytes: 4 * matrix,
			arguments: []any{int64(views), int64(dim), x.Address, z.Address, dz.Address, dx.Address}},
	}
}

// redundancy is the loss of Barlow Twins.
func (h head) redundancy() []launched {
	rows, width := h.views/2, h.barlow
	n := rows * width
	side := min(rows, width) // of the products' smaller matrix
	x, y, dy, dx := h.normal(4, n), h.normal(4, n), h.normal(4, n), h.empty(4*n)
	square, losses := h.normal(4, side*side), h.empty(8*(side+width))
	loss, dloss, sum := h.empty(4), numbers(h.memory, float32(1)), h.empty(4*width)
	const lambda = 0.0051
	table, squares := float64(4*n), float64(4*side*side)
	of := "Barlow Twins"
	all := h.inner(of, rows, width)
	return append(all, []launched{
		{of: of, kernel: "standardize", launch: kernels.Columns(width), count: 2, bytes: 2 * table,
			arguments: []any{int64(rows), int64(width), x.Address, y.Address}},
		{of: of, kernel: "standardize_grad", launch: kernels.Columns(width), count: 2, bytes: 4 * table,
			arguments: []any{int64(rows), int64(width), x.Address, y.Address, dy.Address, dx.Address}},
		{of: of, kernel: "redundancy_reduction_squares", launch: kernels.Rows(side), count: 1, bytes: 2 * squares,
			arguments: []any{int64(side), int64(side), lambda, square.Address, square.Address, losses.Address}},
		{of: of, kernel: "redundancy_reduction_diagonal", launch: kernels.Columns(width), count: 1, bytes: 2 * table,
			arguments: []any{int64(rows), int64(width), lambda, x.Address, y.Address, losses.Address}},
		{of: of, kernel: "sum", launch: kernels.Single(), count: 1, bytes: float64(losses.Bytes),
			arguments: []any{int64(side + width), losses.Address, loss.Address}},
		{of: of, kernel: "redundancy_reduction_grad", launch: kernels.Columns(width), count: 2, bytes: 5 * table,
			arguments: []any{int64(rows), int64(width), lambda, x.Address, y.Address, dloss.Address, dx.Address}},
		{of: of, kernel: "column_sum", launch: kernels.Columns(width), bytes: table,
			arguments: []any{int64(rows), int64(width), x.Address, sum.Address}},
	}...)
}

// inner are the products of rows that Barlow Twins makes in place of its correlation matrix: both views' for the loss, and again for
// the gradients, where they multiply the other view.
func (h head) inner(of string, rows, width int) []launched {
	launch := kernels.MatMulTensor(rows, rows, width)
	a, inner, da := h.normal(4, rows*width), h.normal(4, launch.Parts()*rows*rows), h.empty(4*rows*width)
	operations := 2 * float64(rows) * float64(rows) * float64(width)
	all := []launched{
		{of: of, kernel: "matmul_tfloat32", launch: launch, count: 4, number: "tf32", operations: operations,
			bytes: float64(a.Bytes + inner.Bytes), arguments: []any{int32(0), int32(1), int64(rows), int64(rows), int64(width),
				a.Address, a.Address, address(0), inner.Address}},
		{of: of + ", gradient", kernel: "matmul_tfloat32", launch: kernels.MatMulTensor(rows, width, rows), count: 2, number: "tf32",
			operations: operations, bytes: float64(2*a.Bytes + 4*rows*rows), arguments: []any{int32(0), int32(0), int64(rows),
				int64(width), int64(rows), inner.Address, a.Address, address(0), da.Address}},
	}
	if launch.Parts() > 1 {
		all = append(all, h.parts(of, launch, rows*rows))
	}
	return all
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
