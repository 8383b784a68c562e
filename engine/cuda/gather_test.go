//go:build gpu

package cuda

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
	"twinview/experiment"
	"twinview/model"
)

// Wherever products are on tensor cores, a ResNet-18's 20 convolutions gather the statistics of their batch norms, and no pass over an
// activation is left for that.
func TestConvolutionsGatherStatistics(t *testing.T) {
	for number, want := range map[kernels.Number]int{kernels.BFloat16: 20, kernels.TF32: 20, kernels.Float32: 0} {
		t.Run(string(number), func(t *testing.T) {
			encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}
			n, err := model.NewClassifier(encoder, 10, model.Options{Batch: 2, Size: 8})
			require.NoError(t, err)
			p, err := lowering.NewProgram(n.Graph, gorgonia.Nodes{n.Loss})
			require.NoError(t, err)
			p.InPrecision(precisionOf(number))
			require.NoError(t, (&chooser{chosen: engine.Kernels{}, number: number}).algorithms(p))
			p.Fuse(passing)
			layOut(p)
			all, err := compile(p, number)
			require.NoError(t, err)

			gathered, alone := 0, 0
			for _, w := range all {
				for _, c := range w.calls {
					switch {
					case c.kernel == "batch_stats_of_tiles":
						gathered++
					case strings.HasPrefix(c.kernel, "batch_stats_total"):
						alone++
					}
				}
			}
			require.Equal(t, want, gathered)
			require.Equal(t, 20-want, alone)
		})
	}
}
