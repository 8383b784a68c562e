//go:build gpu

package gpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// Device is one GPU: a context, a stream and the kernels that were loaded. The driver ties a context to an OS thread, so all calls
// are made on one; any goroutine may ask for them.
type Device struct {
	// Stream and Functions are used on that thread.
	Stream    cu.Stream
	Functions Functions

	jobs chan job
}

type job struct {
	do   func() error
	done chan<- error
}

// Open makes a context on the GPU with a number, from 0.
func Open(ordinal int) (*Device, error) {
	d := &Device{Functions: newFunctions(), jobs: make(chan job)}
	go d.serve()
	err := d.Do(func() error {
		if _, err := cu.Device(ordinal).MakeContext(cu.SchedAuto); err != nil { // which becomes the thread's own
			return fmt.Errorf("make a context on cuda:%d: %w", ordinal, err)
		}
		var err error
		if d.Stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return fmt.Errorf("make a stream on cuda:%d: %w", ordinal, err)
		}
		return nil
	})
	if err != nil {
		close(d.jobs)
		return nil, err
	}
	return d, nil
}

func (d *Device) serve() {
	runtime.LockOSThread()
	for j := range d.jobs {
		j.done <- guarded(j.do)
	}
}

// guarded turns a panic into an error: on the device's thread nobody else could recover it.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while computing: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// Do runs a function on the device's thread and waits for it. A panic in it is an error.
func (d *Device) Do(f func() error) error {
	done := make(chan error, 1)
	d.jobs <- job{f, done}
	return <-done
}

// NewManaged allocates memory that the processor sees too, while the device has nothing to do.
func (d *Device) NewManaged(bytes int) (at unsafe.Pointer, free func(), err error) {
	err = d.Do(func() error {
		managed, err := cu.MemAllocManaged(int64(bytes), cu.AttachGlobal)
		if err != nil {
			return fmt.Errorf("allocate %d bytes of managed memory: %w", bytes, err)
		}
		at = *(*unsafe.Pointer)(unsafe.Pointer(&managed))
		free = func() {
			_ = d.Do(func() error { return cu.MemFree(managed) }) // the process ends soon, and with it the context
		}
		return nil
	})
	return at, free, err
}

// Launch runs a kernel to its end. Arguments are Function.Call's.
func (d *Device) Launch(kernel string, launch kernels.Launch, arguments ...any) error {
	c, err := d.Prepare(kernel, launch, arguments...)
	if err != nil {
		return err
	}
	defer c.Free()
	return d.Do(func() error {
		if err := c.Launch(d.Stream); err != nil {
			return err
		}
		if err := d.Stream.Synchronize(); err != nil {
			return fmt.Errorf("run kernel %q: %w", kernel, err)
		}
		return nil
	})
}

// Reverse does nothing: in which order threads run is the device's affair.
func (d *Device) Reverse(bool) error { return nil }
