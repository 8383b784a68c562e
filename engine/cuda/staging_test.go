//go:build gpu

package cuda

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
)

// What was sent arrives, though the sender writes something else at once, more often than there are places.
func TestSend(t *testing.T) {
	d, err := open(0)
	require.NoError(t, err)
	m := &machine{device: d, memory: d.allocations()}
	defer func() { require.NoError(t, m.Close()) }()
	const words, copies = 100, 7
	got := make([]int32, copies)
	var short error
	require.NoError(t, d.do(func() error {
		s, err := m.newStaging(4 * words)
		if err != nil {
			return err
		}
		values, to := make([]int32, words), make([]cu.DevicePtr, copies)
		for i := range copies {
			if to[i], err = m.memory.onDevice(4 * words); err != nil {
				return err
			}
			values[words-1] = int32(i + 1)
			if err := send(s, to[i], values, d.Stream); err != nil {
				return err
			}
		}
		values[words-1] = 0
		if err := d.Stream.Synchronize(); err != nil {
			return err
		}
		for i := range copies {
			if err := cu.MemcpyDtoH(unsafe.Pointer(&got[i]), to[i]+4*(words-1), 4); err != nil {
				return err
			}
		}
		short = send(s, to[0], values[1:], d.Stream)
		return nil
	}))
	require.ErrorContains(t, short, "send 396 bytes where 400 are wanted")
	require.Equal(t, []int32{1, 2, 3, 4, 5, 6, 7}, got)
}
