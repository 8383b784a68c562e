package kernels_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
)

func TestHeadChangesWithWhatPTXDependsOn(t *testing.T) {
	files := func(source, header, host string) fstest.MapFS {
		return fstest.MapFS{
			"a.cu":   {Data: []byte(source)},
			"b.h":    {Data: []byte("#include <x>\n#include \"c.h\"\n#include \"host.h\"\n#include \"library/d.h\"\n")},
			"c.h":    {Data: []byte(header)},
			"host.h": {Data: []byte(host)},
		}
	}
	head := func(files fstest.MapFS, compiler string) string {
		line, err := kernels.Head(files, "a.cu", compiler)
		require.NoError(t, err)
		return line
	}
	const source = "#include \"b.h\"\nint x;\n"
	first := head(files(source, "", ""), "nvcc-1")
	require.Equal(t, first, head(files(source, "", "int y;"), "nvcc-1"), "the device never sees host.h")
	require.NotEqual(t, first, head(files(source+"\n", "", ""), "nvcc-1"))
	require.NotEqual(t, first, head(files(source, "int z;", ""), "nvcc-1"))
	require.NotEqual(t, first, head(files(source, "", ""), "nvcc-2"))

	_, err := kernels.Head(fstest.MapFS{"a.cu": {Data: []byte(source)}}, "a.cu", "nvcc-1")
	require.ErrorContains(t, err, "b.h")
}

func TestModuleOf(t *testing.T) {
	module, err := kernels.ModuleOf("relu_float32")
	require.NoError(t, err)
	require.Equal(t, "elementwise", module.Name)
	require.Contains(t, module.PTX, "relu_float32")

	_, err = kernels.ModuleOf("relu_float64")
	require.ErrorContains(t, err, `"relu_float64"`)
}

// What a launch says has to be what the compiled kernels have, and no kernel may be left out.
func TestImplicitGEMMsAreThoseCompiled(t *testing.T) {
	listed := map[string]kernels.Launch{}
	for _, c := range append(convolutions, kernels.Convolution{Batch: 1, Height: 8, Width: 8, In: 4, Out: 8, Kernel: 3, Stride: 1}) {
		eachKernel(c, func(g kernels.ImplicitGEMM) { listed[g.Kernel] = g.Launch(c) })
	}
	compiled := 0
	for _, m := range kernels.Modules() {
		for _, kernel := range m.Kernels {
			threads, shared, ok := m.LaunchOf(kernel)
			if !ok {
				continue
			}
			compiled++
			require.Contains(t, listed, kernel)
			require.Equal(t, threads, listed[kernel].Block[0], kernel)
			require.Equal(t, shared, listed[kernel].Shared, kernel)
			require.Contains(t, m.Kernels, kernel+"_parameters")
		}
	}
	require.Equal(t, len(listed), compiled)
}
