//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"gorgonia.org/cu"
)

// snapshots copies values out while the next steps run: first within the device, which takes no time to speak of, then to
// page-locked memory in a stream of its own.
type snapshots struct {
	stream         cu.Stream
	bytes          int
	onDevice       cu.DevicePtr
	onHost         unsafe.Pointer
	taken, arrived cu.Event
	last           *snapshot
}

// snapshot is one copy, on its way to the caller's slices.
type snapshot struct {
	device  *device
	arrived cu.Event
	from    unsafe.Pointer
	to      [][]float32

	once sync.Once
	err  error
}

// Copy implements engine.Queue.
func (q *queue) Copy(from, to [][]float32) (wait func() error, err error) {
	d := q.machine.device
	if q.snapshots.last != nil { // its memory is needed
		if err := q.snapshots.last.wait(); err != nil {
			return nil, err
		}
	}
	s := &snapshot{device: d, to: to}
	if err := d.do(func() error { return q.copyOut(s, from) }); err != nil {
		return nil, fmt.Errorf("copy values out of cuda:%d: %w", d.ordinal, err)
	}
	q.snapshots.last = s
	return s.wait, nil
}

func (q *queue) copyOut(s *snapshot, from [][]float32) error {
	all, stream, bytes := &q.snapshots, q.machine.device.Stream, 0
	for i, values := range from {
		if len(values) != len(s.to[i]) {
			return fmt.Errorf("array %d has %d values, but there is room for %d", i, len(values), len(s.to[i]))
		}
		bytes += len(values) * Float32.Bytes()
	}
	if bytes == 0 {
		s.once.Do(func() {})
		return nil
	}
	if bytes > all.bytes {
		return fmt.Errorf("%d bytes are more than the %d of all parameters and buffers", bytes, all.bytes)
	}
	offset := 0
	for _, values := range from {
		if len(values) == 0 {
			continue
		}
		// Managed memory has one address for the device and for the host.
		at, size := cu.DevicePtr(uintptr(unsafe.Pointer(&values[0]))), len(values)*Float32.Bytes()
		if err := cu.MemcpyDtoDAsync(all.onDevice+cu.DevicePtr(offset), at, int64(size), stream); err != nil {
			return fmt.Errorf("copy %d bytes on the device: %w", size, err)
		}
		offset += size
	}
	s.from, s.arrived = all.onHost, all.arrived
	if err := all.taken.Record(stream); err != nil {
		return fmt.Errorf("record an event: %w", err)
	}
	if err := all.stream.Wait(all.taken, 0); err != nil {
		return fmt.Errorf("wait for an event: %w", err)
	}
	if err := cu.MemcpyDtoHAsync(all.onHost, all.onDevice, int64(bytes), all.stream); err != nil {
		return fmt.Errorf("copy %d bytes to the host: %w", bytes, err)
	}
	return all.arrived.Record(all.stream)
}

// prepare finds memory for snapshots of a number of bytes.
func (all *snapshots) prepare(memory *allocations, bytes int) (err error) {
	if all.onDevice, err = memory.onDevice(bytes); err != nil {
		return fmt.Errorf("find room for a copy of %d bytes: %w", bytes, err)
	}
	if all.onHost, err = memory.pinned(bytes); err != nil {
		return err
	}
	if all.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return fmt.Errorf("make a stream: %w", err)
	}
	if all.taken, err = cu.MakeEvent(cu.DisableTiming); err != nil {
		return fmt.Errorf("make an event: %w", err)
	}
	if all.arrived, err = cu.MakeEvent(cu.DisableTiming); err != nil {
		return fmt.Errorf("make an event: %w", err)
	}
	all.bytes = bytes
	return nil
}

// wait returns when the values are where the caller wants them. It does not keep the device's thread, which has steps to begin.
func (s *snapshot) wait() error {
	s.once.Do(func() {
		for {
			err := s.device.do(s.arrived.Query)
			if err == nil {
				break
			}
			if !errors.Is(err, cu.NotReady) {
				s.err = fmt.Errorf("copy values out of cuda:%d: %w", s.device.ordinal, err)
				return
			}
			time.Sleep(time.Millisecond)
		}
		offset := 0
		for _, values := range s.to {
			copy(values, unsafe.Slice((*float32)(unsafe.Add(s.from, offset)), len(values)))
			offset += len(values) * Float32.Bytes()
		}
		s.to = nil
	})
	return s.err
}

// free gives back what does not go with the machine's memory. The last snapshot has arrived.
func (all *snapshots) free() error {
	if all.bytes == 0 {
		return nil
	}
	return errors.Join(cu.DestroyEvent(&all.taken), cu.DestroyEvent(&all.arrived), all.stream.Destroy())
}
