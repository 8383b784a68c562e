//go:build gpu

package gpu

import (
	"fmt"
	"runtime"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// Device is one GPU. The driver ties a context to an OS thread, so all calls are made on one; any goroutine may ask for them.
type Device struct {
	jobs      chan func()
	stream    cu.Stream
	functions Functions
}

// Open makes a context on the GPU with a number, from 0.
func Open(ordinal int) (*Device, error) {
	d := &Device{jobs: make(chan func()), functions: NewFunctions()}
	go d.serve()
	err := d.do(func() error {
		if _, err := cu.Device(ordinal).MakeContext(cu.SchedAuto); err != nil { // which becomes the thread's own
			return fmt.Errorf("make a context on cuda:%d: %w", ordinal, err)
		}
		var err error
		if d.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return fmt.Errorf("make a stream on cuda:%d: %w", ordinal, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Device) serve() {
	runtime.LockOSThread()
	for job := range d.jobs {
		job()
	}
}

// do runs a function on the device's thread and waits for it.
func (d *Device) do(f func() error) error {
	done := make(chan error, 1)
	d.jobs <- func() { done <- f() }
	return <-done
}

// NewManaged allocates memory that the processor sees too, while the device has nothing to do.
func (d *Device) NewManaged(bytes int) (at unsafe.Pointer, free func(), err error) {
	err = d.do(func() error {
		managed, err := cu.MemAllocManaged(int64(bytes), cu.AttachGlobal)
		if err != nil {
			return fmt.Errorf("allocate %d bytes of managed memory: %w", bytes, err)
		}
		at = *(*unsafe.Pointer)(unsafe.Pointer(&managed))
		free = func() {
			_ = d.do(func() error { return cu.MemFree(managed) }) // the process ends soon, and with it the context
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
	return d.do(func() error {
		if err := c.Launch(d.stream); err != nil {
			return err
		}
		if err := d.stream.Synchronize(); err != nil {
			return fmt.Errorf("run kernel %q: %w", kernel, err)
		}
		return nil
	})
}

// Reverse does nothing: in which order threads run is the device's affair.
func (d *Device) Reverse(bool) error { return nil }
