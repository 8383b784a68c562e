//go:build gpu

package gpu

import (
	"fmt"
	"slices"

	"gorgonia.org/cu"
)

// Work is what is timed: launches in order, or a copy.
type Work func(s cu.Stream) error

// Calls is the work of launching calls one after another.
func Calls(calls ...*Call) Work {
	return func(s cu.Stream) error {
		for _, c := range calls {
			if err := c.Launch(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// Copy is the work of copying a buffer into another of its size.
func Copy(to, from *Buffer) Work {
	return func(s cu.Stream) error {
		return cu.MemcpyDtoDAsync(cu.DevicePtr(to.Address), cu.DevicePtr(from.Address), int64(from.Bytes), s)
	}
}

// Seconds is what work takes, by the device's own clock: samples of so many repetitions in a row, the shortest first. One more comes
// before them, unmeasured.
func (d *Device) Seconds(work Work, samples, repetitions int) (took []float64, err error) {
	err = d.Do(func() error {
		took, err = Seconds(d.Stream, work, samples, repetitions)
		return err
	})
	return took, err
}

// Seconds is Device.Seconds in a stream, on the thread of its context.
func Seconds(s cu.Stream, work Work, samples, repetitions int) (took []float64, err error) {
	begin, end, err := events()
	if err != nil {
		return nil, err
	}
	defer cu.DestroyEvent(&begin)
	defer cu.DestroyEvent(&end)
	for sample := range samples + 1 {
		seconds, err := secondsOnce(s, work, repetitions, begin, end)
		if err != nil {
			return nil, err
		}
		if sample > 0 {
			took = append(took, seconds)
		}
	}
	slices.Sort(took)
	return took, nil
}

func events() (begin, end cu.Event, err error) {
	if begin, err = cu.MakeEvent(cu.DefaultEvent); err != nil {
		return begin, end, fmt.Errorf("make an event: %w", err)
	}
	if end, err = cu.MakeEvent(cu.DefaultEvent); err != nil {
		return begin, end, fmt.Errorf("make an event: %w", err)
	}
	return begin, end, nil
}

func secondsOnce(s cu.Stream, work Work, repetitions int, begin, end cu.Event) (seconds float64, err error) {
	if err := begin.Record(s); err != nil {
		return 0, fmt.Errorf("record the begin: %w", err)
	}
	for range repetitions {
		if err := work(s); err != nil {
			return 0, err
		}
	}
	if err := end.Record(s); err != nil {
		return 0, fmt.Errorf("record the end: %w", err)
	}
	if err := end.Synchronize(); err != nil {
		return 0, fmt.Errorf("wait for the end: %w", err)
	}
	milliseconds, err := begin.Elapsed(end)
	if err != nil {
		return 0, fmt.Errorf("ask how long it took: %w", err)
	}
	return milliseconds / 1000 / float64(repetitions), nil
}
