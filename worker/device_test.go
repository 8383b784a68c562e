package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevices(t *testing.T) {
	for value, want := range map[string]int{"cuda:0": 0, "cuda:1": 1, "cuda:12": 12} {
		var d device
		require.NoError(t, d.Set(value))
		ordinal, ok := d.gpu()
		require.True(t, ok)
		require.Equal(t, want, ordinal)
	}
	var d device
	require.NoError(t, d.Set("cpu"))
	_, ok := d.gpu()
	require.False(t, ok)
	release, err := d.take()
	require.NoError(t, err)
	defer release()
	require.Contains(t, d.description(), "oneDNN")
	for _, value := range []string{"", "cuda", "cuda:", "cuda:-1", "cuda:01", "cuda:x", "gpu", "CPU"} {
		require.ErrorContains(t, d.Set(value), "is no device: say cpu, or cuda:0", "%q", value)
	}
}
