package emulator_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
	"twinview/engine/cuda/kernels/host"
)

var convolution = kernels.Convolution{Batch: 1, Height: 8, Width: 9, In: 32, Out: 64, Kernel: 3, Stride: 1, Pad: 1}

// convolve runs a convolution of ones with weights of ones, by a module in which something else stands for what stood there. Its
// input begins so many bytes late, and so many are missing at its end.
func convolve(t *testing.T, old, new string, late, missing int) ([]uint16, error) {
	t.Helper()
	modules := maps.Clone(kernels.Modules())
	m := modules["convolution_forward"]
	require.Contains(t, m.PTX, old)
	m.PTX = strings.ReplaceAll(m.PTX, old, new)
	modules[m.Name] = m
	device := emulator.New(modules)

	x, filters, y := convolution.Sizes()
	input, weights, output := ones(t, device, late/2+x-missing/2), ones(t, device, filters), memory(t, device, 2*y)
	parameters := memory(t, device, kernels.ParameterBytes)
	g := convolution.ImplicitGEMMs(kernels.Forward, kernels.BFloat16)[0]
	var arguments []any
	for _, n := range convolution.Arguments() {
		arguments = append(arguments, n)
	}
	null := (*host.Memory)(nil)
	arguments = append(arguments, int64(1), input.At(late), weights, null, output, null, parameters)
	require.NoError(t, device.Launch(g.Kernel+"_parameters", kernels.ParametersLaunch(), arguments...))
	err := device.Launch(g.Kernel, g.Launch(convolution), parameters.Bytes())
	return output.Bfloat16s(), err
}

func ones(t *testing.T, device *emulator.Device, n int) *host.Memory {
	t.Helper()
	m := memory(t, device, 2*n)
	for i := range m.Bfloat16s() {
		m.Bfloat16s()[i] = 0x3f80
	}
	return m
}

func TestConvolutionThatIsShipped(t *testing.T) {
	const same = ".version"
	y, err := convolve(t, same, same, 0, 0)
	require.NoError(t, err)
	require.Len(t, y, 8*9*64)
	for i, got := range y {
		row, column := i/64/9, i/64%9
		taps := (3 - b2i(row%7 == 0)) * (3 - b2i(column%8 == 0))
		require.EqualValues(t, f32(float64(32*taps))>>16, got, "pixel %d, %d", row, column)
	}

	_, err = convolve(t, same, same, 2, 0)
	require.ErrorContains(t, err, "cp.async")
	require.ErrorContains(t, err, "is no multiple of 16")
	_, err = convolve(t, same, same, 0, 16)
	require.ErrorContains(t, err, "16 bytes at 0x")
	require.ErrorContains(t, err, "at byte 4592 of an array of 4592")
}

// What a kernel needs and a processor would not miss.
func TestConvolutionWithSomethingLeftOut(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"\tbar.sync \t0;", "", "a race: byte"},
		{"cp.async.wait_group", "//", "is read while a cp.async of thread"},
		{"cp.async.wait_all;", "", "is written while a cp.async of thread"},
	} {
		_, err := convolve(t, c.old, c.new, 0, 0)
		require.ErrorContains(t, err, c.want, c.old)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
