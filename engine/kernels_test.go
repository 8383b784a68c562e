package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
)

func TestKernelsAsText(t *testing.T) {
	k := engine.Kernels{"precision": "float32", "a": "oneDNN", "b": "F(4x4,3x3)", "c": "oneDNN"}
	require.Equal(t, "F(4x4,3x3), float32, 2 × oneDNN", k.String())
	require.Empty(t, engine.Kernels(nil).String())
}
