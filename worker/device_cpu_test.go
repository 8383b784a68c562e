//go:build !gpu

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGPUNeedsAnotherBuild(t *testing.T) {
	c := newCommand()
	c.SetArgs([]string{"--device", "cuda:0"})
	err := c.ExecuteContext(t.Context())
	require.ErrorContains(t, err, "--device cuda:0: this worker was built without the engine for GPUs")
	require.ErrorContains(t, err, "make worker-gpu")
}
