package main

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThreadsAreLimited(t *testing.T) {
	cores := runtime.NumCPU()
	for _, test := range []struct{ flag, spec, want int }{
		{0, 0, cores},
		{0, 1, 1},
		{0, cores + 1, cores},
		{3, 0, 3},
		{3, 2, 2},
		{3, 8, 3},
	} {
		require.Equal(t, test.want, options{threads: test.flag}.limit(test.spec), "%+v", test)
	}
}

func TestGraceIsTimeEnough(t *testing.T) {
	c := newCommand()
	c.SetArgs([]string{"--grace", "10ms"})
	require.ErrorContains(t, c.ExecuteContext(t.Context()), "--grace 10ms")
}

func TestMissingEnvironmentIsNamed(t *testing.T) {
	for _, name := range []string{"MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} {
		t.Setenv(name, "")
	}
	c := newCommand()
	c.SetArgs([]string{})
	c.SetOut(io.Discard)
	require.ErrorContains(t, c.ExecuteContext(t.Context()), "MINIO_ENDPOINT")
}
