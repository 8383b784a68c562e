//go:build gpu

package cuda_test

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/engine/enginetest"
	"twinview/experiment"
	"twinview/model"
)

// A copy is of the values behind all steps that have begun, also where the device has no room for a second copy of them.
func TestCopy(t *testing.T) {
	for name, room := range map[string]bool{"with room": true, "without room": false} {
		t.Run(name, func(t *testing.T) {
			if !room && os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
				t.Skip("needs the stand-in's memory: make test-cuda")
			}
			const inputs = 5_000
			n, err := model.NewLinear(inputs, 10, model.Options{Batch: 1})
			require.NoError(t, err)
			m, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
			require.NoError(t, err)
			defer m.Close()
			var parameters []engine.Parameter
			for _, p := range n.Parameters {
				parameters = append(parameters, engine.Parameter{Value: p.Value, Grad: p.Grad})
			}
			o, err := m.(engine.Optimizing).NewOptimizer(experiment.Optimizer{Name: experiment.SGD, Momentum: 0.9}, parameters)
			require.NoError(t, err)
			q, err := m.(engine.Queueing).NewQueue(o, gorgonia.Nodes{n.Loss})
			require.NoError(t, err)
			weights, momentum := m.Values(n.Parameters[0].Value), o.Buffers(0)[0]
			features := make([]float32, inputs)
			for i := range features {
				features[i] = 1
			}
			begin := func(step int) {
				require.NoError(t, q.Feed(n.Features, features))
				require.NoError(t, q.Feed(n.Labels, []float32{3}))
				require.NoError(t, q.Begin(0.5, step))
			}
			end := func() {
				_, err := q.End()
				require.NoError(t, err)
			}
			if !room {
				held, _ := cuda.Memory()
				t.Setenv("TWINVIEW_STANDIN_MEMORY", strconv.FormatInt(held, 10))
			}
			before := slices.Clone(weights[:20])
			begin(1)
			to := [][]float32{make([]float32, len(weights)), make([]float32, len(momentum))}
			wait, err := q.Copy([][]float32{weights, momentum}, to)
			require.NoError(t, err)
			end()
			require.NotEqual(t, before, weights[:20], "the step moved them")
			want := [][]float32{slices.Clone(weights), slices.Clone(momentum)}
			begin(2)
			end()
			require.NoError(t, wait())
			for i := range want {
				require.True(t, slices.Equal(want[i], to[i]), "array %d is not that of the first step", i)
			}
			require.False(t, slices.Equal(want[0], weights), "the second step moved them on")
		})
	}
}
