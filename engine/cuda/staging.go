//go:build gpu

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine"
)

// staging is page-locked memory by which values go to the device while the host goes on. Of other memory a driver may still have to
// read when the call for a copy returns (that of CUDA 11 leaves it to a thread of its own), or it waits for the stream first.
type staging struct {
	places [engine.QueueDepth]stagingPlace
	bytes  int
	sent   int
}

// stagingPlace has the values of one copy, and the event behind it.
type stagingPlace struct {
	memory unsafe.Pointer
	copied cu.Event
}

// newStaging makes staging for copies of a number of bytes, which goes with the machine.
func (m *machine) newStaging(bytes int) (*staging, error) {
	s := &staging{bytes: bytes}
	m.stagings = append(m.stagings, s)
	for i := range s.places {
		var err error
		if s.places[i].memory, err = m.memory.pinned(bytes); err != nil {
			return nil, err
		}
		if s.places[i].copied, err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return nil, fmt.Errorf("make an event: %w", err)
		}
	}
	return s, nil
}

// send copies values to the device, behind what the stream has to do. They are the caller's again when it returns. It waits only if
// as many copies as there are places have not been made yet.
func send[T any](s *staging, to cu.DevicePtr, values []T, stream cu.Stream) error {
	from := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(values[0])))
	if len(from) != s.bytes {
		return fmt.Errorf("send %d bytes where %d are wanted", len(from), s.bytes)
	}
	p := &s.places[s.sent%len(s.places)]
	s.sent++
	if err := p.copied.Synchronize(); err != nil {
		return fmt.Errorf("wait for an earlier copy: %w", err)
	}
	copy(unsafe.Slice((*byte)(p.memory), s.bytes), from)
	if err := cu.MemcpyHtoDAsync(to, p.memory, int64(s.bytes), stream); err != nil {
		return fmt.Errorf("copy %d bytes to the device: %w", s.bytes, err)
	}
	if err := p.copied.Record(stream); err != nil {
		return fmt.Errorf("record an event: %w", err)
	}
	return nil
}

// free gives back what does not go with the machine's memory.
func (s *staging) free() error {
	for i := range s.places {
		if s.places[i].copied == (cu.Event{}) {
			continue // making it failed
		}
		if err := cu.DestroyEvent(&s.places[i].copied); err != nil {
			return fmt.Errorf("give an event back: %w", err)
		}
	}
	return nil
}
