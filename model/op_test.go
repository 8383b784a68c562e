package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// random draws values between −1 and 1, none of them closer to 0 (where ReLU has no derivative) than 0.01.
func random(r *rand.Rand, count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		values[i] = math.Copysign(0.01+0.99*r.Float64(), r.Float64()-0.5)
	}
	return values
}

// leaves makes float64 leaves of the given shapes with reproducible values.
func leaves(shapes ...[]int) gorgonia.Nodes {
	g := gorgonia.NewGraph()
	r := rand.New(rand.NewPCG(1, 2))
	nodes := make(gorgonia.Nodes, len(shapes))
	for i, shape := range shapes {
		nodes[i] = gorgonia.NewTensor(g, tensor.Float64, len(shape),
			gorgonia.WithName(fmt.Sprintf("leaf%d", i)), gorgonia.WithShape(shape...))
		bind(nodes[i], random(r, tensor.Shape(shape).TotalSize()))
	}
	return nodes
}

func bind(n *gorgonia.Node, values []float64) {
	if err := gorgonia.Let(n, denseOf(n, values)); err != nil {
		panic(err)
	}
}

func apply(t *testing.T, op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
	t.Helper()
	n, err := gorgonia.ApplyOp(op, inputs...)
	require.NoError(t, err)
	return n
}

// must unwraps what a stock operation returns.
func must(t *testing.T) func(*gorgonia.Node, error) *gorgonia.Node {
	return func(n *gorgonia.Node, err error) *gorgonia.Node {
		t.Helper()
		require.NoError(t, err)
		return n
	}
}

// compute64 runs the graph and returns the values of the nodes as float64.
func compute64(t *testing.T, nodes ...*gorgonia.Node) [][]float64 {
	t.Helper()
	values := make([]gorgonia.Value, len(nodes))
	for i, n := range nodes {
		gorgonia.Read(n, &values[i])
	}
	machine := gorgonia.NewTapeMachine(nodes[0].Graph())
	defer machine.Close()
	require.NoError(t, machine.RunAll())
	results := make([][]float64, len(nodes))
	for i, v := range values {
		results[i] = floats(t, v)
	}
	return results
}

func floats(t *testing.T, v gorgonia.Value) []float64 {
	t.Helper()
	switch data := v.Data().(type) {
	case float32:
		return []float64{float64(data)}
	case float64:
		return []float64{data}
	case []float32:
		wide := make([]float64, len(data))
		for i, x := range data {
			wide[i] = float64(x)
		}
		return wide
	case []float64:
		return slices.Clone(data)
	}
	require.Failf(t, "not floats", "%T", v.Data())
	return nil
}

// weighted is a test's way to a scalar: the sum of x times fixed weights, so that every element of a gradient differs.
func weighted(t *testing.T, x *gorgonia.Node) *gorgonia.Node {
	t.Helper()
	if x.IsScalar() {
		return x
	}
	shape := x.Shape()
	w := gorgonia.NewTensor(x.Graph(), x.Dtype(), shape.Dims(), gorgonia.WithName("weighted"), gorgonia.WithShape(shape...))
	bind(w, random(rand.New(rand.NewPCG(3, 4)), shape.TotalSize()))
	return must(t)(gorgonia.Sum(must(t)(gorgonia.HadamardProd(x, w))))
}

// checkGradient compares gorgonia.Grad of a scalar made from y with central differences, by every element of every leaf.
func checkGradient(t *testing.T, y *gorgonia.Node, leaves ...*gorgonia.Node) {
	t.Helper()
	loss := weighted(t, y)
	grads, err := gorgonia.Grad(loss, leaves...)
	require.NoError(t, err)
	symbolic := compute64(t, grads...)

	machine := gorgonia.NewTapeMachine(loss.Graph())
	defer machine.Close()
	evaluate := func() float64 {
		machine.Reset()
		require.NoError(t, machine.RunAll())
		return floats(t, loss.Value())[0]
	}
	for i, leaf := range leaves {
		values := leaf.Value().Data().([]float64)
		require.Equal(t, leaf.Shape(), grads[i].Shape())
		for k := range values {
			want := centralDifference(evaluate, &values[k], 1e-5)
			require.InDelta(t, want, symbolic[i][k], 1e-7*(1+math.Abs(want)), "by element %d of %s", k, leaf.Name())
		}
	}
}

func centralDifference(f func() float64, x *float64, h float64) float64 {
	at := *x
	defer func() { *x = at }()
	*x = at + h
	above := f()
	*x = at - h
	below := f()
	return (above - below) / (2 * h)
}

// requireClose compares two slices element by element, relative to magnitudes above 1.
func requireClose(t *testing.T, want, got []float64, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance*(1+math.Abs(want[i])), "element %d", i)
	}
}

// requireShapeError says that an op refuses inputs of the given shapes and names the reason.
func requireShapeError(t *testing.T, op gorgonia.Op, reason string, shapes ...[]int) {
	t.Helper()
	_, err := gorgonia.ApplyOp(op, leaves(shapes...)...)
	require.ErrorContains(t, err, reason)
}

// everyOp is one valid application of each op, the shapes of its inputs beside it.
var everyOp = []struct {
	op     gorgonia.Op
	inputs [][]int
}{
	{Conv2D{Stride: 2, Pad: 1}, [][]int{{2, 4, 5, 3}, {4, 3, 3, 3}}},
	{Conv2DInputGrad{Stride: 2, Pad: 1, Height: 4, Width: 5}, [][]int{{4, 3, 3, 3}, {2, 2, 3, 4}}},
	{Conv2DWeightGrad{Stride: 2, Pad: 1, Kernel: 3}, [][]int{{2, 4, 5, 3}, {2, 2, 3, 4}}},
	{BatchStats{}, [][]int{{2, 3, 2, 4}}},
	{BatchNorm{Epsilon: 1}, [][]int{{3, 4}, {2, 4}, {4}, {4}}},
	{BatchNormAffineGrad{Epsilon: 1}, [][]int{{3, 4}, {2, 4}, {3, 4}}},
	{BatchNormInputGrad{Epsilon: 1}, [][]int{{3, 4}, {2, 4}, {4}, {3, 4}, {2, 4}}},
	{Row{Index: 1}, [][]int{{2, 3}}},
	{Rows{From: 1, To: 3}, [][]int{{4, 2}}},
	{RowsGrad{From: 1, To: 3, N: 4}, [][]int{{2, 2}}},
	{ReLU{}, [][]int{{2, 3, 2}}},
	{ReLUGrad{}, [][]int{{2, 3, 2}, {2, 3, 2}}},
	{GlobalAvgPool{}, [][]int{{2, 3, 2, 4}}},
	{GlobalAvgPoolGrad{Height: 3, Width: 2}, [][]int{{2, 4}}},
	{MatMul{TransA: true}, [][]int{{3, 2}, {3, 4}}},
	{AddBias{}, [][]int{{3, 2}, {2}}},
	{ColumnSum{}, [][]int{{3, 2}}},
	{L2Normalize{}, [][]int{{3, 2}}},
	{L2NormalizeGrad{}, [][]int{{3, 2}, {3, 2}, {3, 2}}},
	{NTXent{Temperature: 0.5, Views: 2}, [][]int{{4, 3}}},
	{NTXentGrad{Temperature: 0.5, Views: 2}, [][]int{{4, 3}, {}}},
	{Standardize{}, [][]int{{4, 3}}},
	{StandardizeGrad{}, [][]int{{4, 3}, {4, 3}, {4, 3}}},
	{RedundancyReduction{Lambda: 0.1}, [][]int{{4, 3}, {4, 3}}},
	{RedundancyReductionGrad{Lambda: 0.1}, [][]int{{4, 3}, {4, 3}, {}}},
	{SoftmaxCrossEntropy{}, [][]int{{2, 3}, {2}}},
	{SoftmaxCrossEntropyGrad{}, [][]int{{2, 3}, {2}, {}}},
}

// inputsOf draws positive inputs for one of everyOp; labels are class 1.
func inputsOf(op gorgonia.Op, shapes [][]int, dtype tensor.Dtype) []gorgonia.Value {
	r := rand.New(rand.NewPCG(5, 6))
	inputs := make([]gorgonia.Value, len(shapes))
	for i, shape := range shapes {
		data := make([]float64, tensor.Shape(shape).TotalSize())
		for k := range data {
			data[k] = r.Float64()
		}
		switch op.(type) {
		case SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad:
			if i == 1 {
				data = []float64{1, 1}
			}
		}
		single := make([]float32, len(data))
		store(single, data)
		if dtype == tensor.Float32 {
			inputs[i] = array[float32]{shape, single}.value()
			continue
		}
		for k, v := range single { // the same numbers in both types
			data[k] = float64(v)
		}
		inputs[i] = array[float64]{shape, data}.value()
	}
	return inputs
}

func TestOpsComputeTheSameInBothTypes(t *testing.T) {
	for _, c := range everyOp {
		t.Run(c.op.String(), func(t *testing.T) {
			single, err := c.op.Do(inputsOf(c.op, c.inputs, tensor.Float32)...)
			require.NoError(t, err)
			double, err := c.op.Do(inputsOf(c.op, c.inputs, tensor.Float64)...)
			require.NoError(t, err)
			require.Equal(t, tensor.Float32, single.Dtype())
			require.Equal(t, tensor.Float64, double.Dtype())
			require.True(t, single.Shape().Eq(double.Shape()))
			requireClose(t, floats(t, double), floats(t, single), 1e-6)
		})
	}
}

func TestOpsLeaveTheirInputsAloneAndReturnNewMemory(t *testing.T) {
	for _, c := range everyOp {
		t.Run(c.op.String(), func(t *testing.T) {
			inputs, fresh := inputsOf(c.op, c.inputs, tensor.Float32), inputsOf(c.op, c.inputs, tensor.Float32)
			result, err := c.op.Do(inputs...)
			require.NoError(t, err)
			if data, ok := result.Data().([]float32); ok {
				for i := range data {
					data[i] = 42
				}
			}
			for i := range inputs {
				require.Equal(t, floats(t, fresh[i]), floats(t, inputs[i]), "input %d", i)
			}
		})
	}
}

func TestOpsInferTheShapeAndTypeThatTheyCompute(t *testing.T) {
	for _, c := range everyOp {
		t.Run(c.op.String(), func(t *testing.T) {
			require.Equal(t, len(c.inputs), c.op.Arity())
			g := gorgonia.NewGraph()
			nodes := make(gorgonia.Nodes, len(c.inputs))
			for i, v := range inputsOf(c.op, c.inputs, tensor.Float32) {
				nodes[i] = gorgonia.NodeFromAny(g, v, gorgonia.WithName(fmt.Sprint("input", i)))
			}
			node, err := gorgonia.ApplyOp(c.op, nodes...)
			require.NoError(t, err)
			result, err := c.op.Do(inputsOf(c.op, c.inputs, tensor.Float32)...)
			require.NoError(t, err)
			require.True(t, node.Type().Eq(gorgonia.TypeOf(result)), "node is %v, value %T", node.Type(), result)
			require.True(t, node.Shape().Eq(result.Shape()), "node is %v, value %v", node.Shape(), result.Shape())
		})
	}
}

func TestOpsRefuseWrongInputs(t *testing.T) {
	for _, c := range everyOp {
		t.Run(c.op.String(), func(t *testing.T) {
			inputs := inputsOf(c.op, c.inputs, tensor.Float32)
			_, err := c.op.Do(inputs[:len(inputs)-1]...)
			require.ErrorContains(t, err, fmt.Sprintf("%d inputs, want %d", len(inputs)-1, len(inputs)))
			if len(inputs) == 1 {
				return
			}
			inputs[len(inputs)-1] = inputsOf(c.op, c.inputs, tensor.Float64)[len(inputs)-1]
			_, err = c.op.Do(inputs...)
			require.ErrorContains(t, err, "want elements of type")
		})
	}
}

func TestGradientsOfLossesScaleWithTheGradientTheyReceive(t *testing.T) {
	for _, c := range everyOp {
		last := len(c.inputs) - 1
		if len(c.inputs[last]) > 0 { // no scalar
			continue
		}
		t.Run(c.op.String(), func(t *testing.T) {
			inputs := inputsOf(c.op, c.inputs, tensor.Float64)
			inputs[last] = gorgonia.NewF64(1)
			one, err := c.op.Do(inputs...)
			require.NoError(t, err)
			inputs[last] = gorgonia.NewF64(-3)
			scaled, err := c.op.Do(inputs...)
			require.NoError(t, err)
			for i, v := range floats(t, one) {
				require.InDelta(t, -3*v, floats(t, scaled)[i], 1e-12)
			}
		})
	}
}

func TestTransposedViewIsRefused(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32))
	require.NoError(t, x.T())
	_, err := ColumnSum{}.Do(x)
	require.ErrorContains(t, err, "not contiguous")
}

func TestHashesTellOpsAndParametersApart(t *testing.T) {
	ops := []gorgonia.Op{
		Conv2D{Stride: 1, Pad: 2}, Conv2D{Stride: 2, Pad: 2}, Conv2D{Stride: 1, Pad: 1}, BatchNorm{Epsilon: 1e-5},
		BatchNorm{Epsilon: 1.0000001e-5}, Row{}, Rows{From: 1, To: 2}, Rows{From: 0, To: 3}, MatMul{}, MatMul{TransB: true},
		MatMul{TransA: true, TransB: true}, NTXent{Temperature: 0.1, Views: 2}, NTXent{Temperature: 0.1, Views: 3},
		RedundancyReduction{Lambda: 0.005},
		Conv2DInputGrad{Stride: 1, Pad: 2, Height: 3, Width: 4}, Conv2DInputGrad{Stride: 1, Pad: 2, Height: 4, Width: 3},
		Conv2DWeightGrad{Stride: 1, Pad: 2, Kernel: 3}, GlobalAvgPoolGrad{Height: 1, Width: 2},
		RowsGrad{From: 1, To: 2, N: 4}, RowsGrad{From: 1, To: 2, N: 3},
	}
	for _, c := range everyOp {
		ops = append(ops, c.op)
	}
	seen := map[uint32]gorgonia.Op{}
	for _, op := range ops {
		require.NotContains(t, seen, op.Hashcode(), "%v and %v", op, seen[op.Hashcode()])
		seen[op.Hashcode()] = op
	}
}
