package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/model"
)

// TestBatchStatsFarFromZero: the variance must not drown in the rounding of squares where the mean is a thousand
// deviations away.
func TestBatchStatsFarFromZero(t *testing.T) {
	stats := func(compile engine.Compiler) []float32 {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(5000, 24), gorgonia.WithName("x"))
		s := gorgonia.Must(gorgonia.ApplyOp(model.BatchStats{}, x))
		m, err := compile(g, gorgonia.Nodes{s}, nil)
		require.NoError(t, err)
		t.Cleanup(func() { m.Close() })
		values := m.Values(x)
		fill(values, 5, 1)
		for i := range values {
			values[i] += 1000
		}
		require.NoError(t, m.RunAll())
		return m.Values(s)
	}
	want := stats(engine.Reference)
	one, three := stats(cpu.Compiler(cpu.Options{Threads: 1})), stats(cpu.Compiler(cpu.Options{Threads: 3}))
	require.Equal(t, one, three, "the sums don't depend on the number of threads")
	for c, v := range want {
		require.InEpsilon(t, v, one[c], 1e-4)
	}
}
