//go:build gpu

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/bench/gpu/result"
)

// What the engine launches in a step of SimCLR in bfloat16 beside convolutions and matrix products, as seen in a run of it.
var launches = map[string]int{
	"add_parts": 1, "augment_float32": 2, "average_pool_bfloat16": 1, "average_pool_grad_bfloat16": 1,
	"batch_norm_affine_grad_bfloat16": 12, "batch_norm_affine_grad_float32": 1, "batch_norm_affine_grad_total": 21,
	"batch_norm_bfloat16": 20, "batch_norm_float32": 1, "batch_norm_input_grad_bfloat16": 20, "batch_norm_input_grad_float32": 1,
	"batch_stats_float32": 1, "batch_stats_of_tiles": 20, "batch_stats_total_float32": 1, "filters_bfloat16": 20, "l2_normalize": 1,
	"l2_normalize_grad": 1, "mean": 1, "narrow": 1, "ntxent_grad": 1, "ntxent_rows": 2, "ntxent_total": 2, "pad_channels_bfloat16": 1,
	"relu_batch_norm_affine_grad_bfloat16": 8, "scale_float32": 42, "sgd": 1,
}

func TestTotalsCountWhatTheEngineLaunches(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, measureKernels(t.Context(), &options{quick: true}, &out))
	counted, convolutions, others := map[string]int{}, 0, 0.0
	figures, err := result.Read(&out)
	require.NoError(t, err)
	for _, f := range figures {
		switch {
		case f.Name == "step" && f.Of == "everything else in bfloat16, but for matrix products":
			require.InEpsilon(t, others/1e3, f.Value, 1e-3)
		case f.Name != "kernel" || !f.InStep() || f.Count == 0:
		case f.Rank == 1:
			convolutions += f.Count
		case f.Rank == 0:
			counted[f.Kernel] += f.Count
			others += float64(f.Count) * f.Value
		}
	}
	require.Equal(t, launches, counted)
	require.Equal(t, 20+19+20, convolutions, "three directions, but for the gradient of images")
}
