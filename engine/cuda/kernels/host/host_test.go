package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
)

func build(t *testing.T) *host.Library {
	t.Setenv("CPLUS_INCLUDE_PATH", "..")
	library, err := host.Build("testdata", t.TempDir())
	require.NoError(t, err)
	return library
}

func ints(t *testing.T, values ...int32) *host.Memory {
	m, err := host.NewMemory(4 * len(values))
	require.NoError(t, err)
	t.Cleanup(m.Free)
	copy(m.Int32s(), values)
	return m
}

func line(blocks, threads int) kernels.Launch {
	return kernels.Launch{Grid: [3]int{blocks, 1, 1}, Block: [3]int{threads, 1, 1}, Shared: 4 * threads}
}

func TestThreads(t *testing.T) {
	library := build(t)
	for _, reversed := range []bool{false, true} {
		require.NoError(t, library.Reverse(reversed))

		x, y := ints(t, make([]int32, 3*96)...), ints(t, make([]int32, 3*96)...)
		for i := range x.Int32s() {
			x.Int32s()[i] = int32(i)
		}
		require.NoError(t, library.Launch("turn_round", line(3, 96), int64(3*96), x, y))
		for i, v := range y.Int32s() {
			require.EqualValues(t, i/96*96+95-i%96, v)
		}

		y = ints(t, 0, 0, 0)
		require.NoError(t, library.Launch("leave_early", line(1, 128), int64(3), y))
		require.Equal(t, []int32{8, 8, 8}, y.Int32s())

		y = ints(t, make([]int32, 6*32)...)
		require.NoError(t, library.Launch("move_lanes", line(1, 32), y))
		for lane := range 32 {
			down, up := lane, lane
			if lane%8 < 6 {
				down += 2
			}
			if lane >= 3 {
				up -= 3
			}
			want := []int{5, lane ^ 1, down, up, -0x55555556, 31 * 16}
			for row, w := range want {
				require.EqualValues(t, w, y.Int32s()[32*row+lane], "row %d, lane %d", row, lane)
			}
		}

		y = ints(t, make([]int32, 2*3*4*5*6*7)...)
		grid := kernels.Launch{Grid: [3]int{2, 3, 4}, Block: [3]int{5, 6, 7}}
		require.NoError(t, library.Launch("places", grid, y))
		for i, v := range y.Int32s() {
			require.EqualValues(t, i, v)
		}
	}
}

// A missing barrier shows in that the order of the threads makes a difference.
func TestRace(t *testing.T) {
	library := build(t)
	var results [2][]int32
	for i, reversed := range []bool{false, true} {
		require.NoError(t, library.Reverse(reversed))
		y := ints(t, 0, 0, 0, 0)
		require.NoError(t, library.Launch("race", line(1, 4), int64(4), ints(t, 1, 2, 3, 4), y))
		results[i] = y.Int32s()
	}
	require.NotEqual(t, results[0], results[1])
}

func TestLaunchOfNothing(t *testing.T) {
	library := build(t)
	require.ErrorContains(t, library.Launch("missing", line(1, 1)), "find host_missing")
	require.ErrorContains(t, library.Launch("places", line(1, 1), "text"), "argument 0 is a string")
}

func TestWritesBesideAnArray(t *testing.T) {
	library := build(t)
	y := ints(t, 0, 0, 0)
	require.NoError(t, library.Launch("places", line(1, 3), y))
	require.NoError(t, y.Check())
	require.NoError(t, library.Launch("places", line(1, 4), y))
	require.ErrorContains(t, y.Check(), "behind the array of 12 bytes")
}

func TestBuildOfNothing(t *testing.T) {
	_, err := host.Build(t.TempDir(), t.TempDir())
	require.ErrorContains(t, err, "no kernels")
}
