package cpu

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/lowering"
)

func TestCandidates(t *testing.T) {
	if !ownSupports(Float32) {
		t.Skip("this CPU has no AVX-512")
	}
	of := func(size, in, out, kernel, stride, allowed int) []algorithm {
		c := convolution{Shape: shape(8, size, size, in, out, kernel, stride, kernel/2)}
		return c.candidates(Options{Winograd: Winograd{Forward: allowed}})
	}
	require.Equal(t, []algorithm{winograd4, winograd2, oneDNN}, of(32, 64, 64, 3, 1, 4)[:3])
	require.Equal(t, []algorithm{winograd2, oneDNN}, of(32, 64, 64, 3, 1, 2)[:2])
	require.Equal(t, oneDNN, of(32, 64, 64, 3, 1, 0)[0])
	require.Equal(t, []algorithm{oneDNN, direct}, of(32, 64, 128, 3, 2, 4), "stride 2")
	require.Equal(t, []algorithm{direct, oneDNN}, of(32, 64, 128, 1, 2, 4), "1×1")
	require.Equal(t, oneDNN, of(32, 3, 64, 3, 1, 4)[0], "too few channels")
	require.Equal(t, winograd2, of(2, 64, 64, 3, 1, 4)[0], "a tile of 4 would be mostly outside")
}

// TestNewShapesAreMeasuredWhereTheyTrain: views of another size bring convolutions that a training's record does not name.
func TestNewShapesAreMeasuredWhereTheyTrain(t *testing.T) {
	if !ownSupports(Float32) {
		t.Skip("this CPU has no AVX-512: there is nothing to choose")
	}
	for direction, measured := range map[lowering.Direction]int{lowering.Forward: 0, lowering.WeightGradient: 1} {
		path := filepath.Join(t.TempDir(), "kernels.json")
		c := newChooser(Options{Threads: 1, Measure: true, Cache: path, Winograd: Winograd{4, 4, 4}},
			engine.Kernels{precisionKey: "float32"})
		conv := lowering.Convolution{Direction: direction, Shape: shape(2, 8, 8, 32, 32, 3, 1, 1)}
		p := &lowering.Program{Instructions: []lowering.Instruction{{Op: conv}}}
		require.NoError(t, compute(1, func() error { return c.algorithms(p) }))
		known, err := measurements(path).read()
		require.NoError(t, err)
		require.Len(t, known, measured, "%v", direction)
		require.Contains(t, c.chosen, conv.String())
	}
}

// TestMeasuredKernels: what was measured once is taken from the cache, a damaged cache is replaced, and the recorded
// kernels come before both.
func TestMeasuredKernels(t *testing.T) {
	c := lowering.Convolution{Shape: shape(2, 8, 8, 32, 32, 3, 1, 1)}
	if !ownSupports(Float32) {
		t.Skip("this CPU has no AVX-512: there is nothing to choose")
	}
	path := filepath.Join(t.TempDir(), "kernels.json")
	o := Options{Threads: 1, Measure: true, Cache: path, Winograd: Winograd{4, 4, 4}}
	choose := func(recorded map[string]string) (a algorithm) {
		require.NoError(t, compute(1, func() (err error) {
			a, err = newChooser(o, recorded).algorithm(c)
			return err
		}))
		return a
	}
	measured := choose(nil)
	require.Contains(t, convolution(c).candidates(o), measured)
	known, err := measurements(path).read()
	require.NoError(t, err)
	require.Len(t, known, 1)

	for key := range known { // nobody would measure that
		require.NoError(t, measurements(path).add(key, "F(2x2,3x3)"))
	}
	require.Equal(t, winograd2, choose(nil))
	require.Equal(t, oneDNN, choose(map[string]string{c.String(): "oneDNN"}))
	require.Equal(t, winograd4, choose(map[string]string{}), "recorded kernels without this one: by the products")

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	require.Contains(t, convolution(c).candidates(o), choose(nil))
	known, err = measurements(path).read()
	require.NoError(t, err)
	require.Len(t, known, 1)
}
