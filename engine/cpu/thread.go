package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// job is a function for the compute thread, the number of threads it may use, and where its error goes.
type job struct {
	threads int
	do      func() error
	done    chan<- error
}

// computeThread runs jobs one after another on an OS thread of its own. An OpenMP team belongs to the thread that
// called it: from goroutines that wander between threads, each thread would start a team and the teams would fight over
// the cores.
var computeThread = sync.OnceValue(func() chan<- job {
	jobs := make(chan job)
	go func() {
		runtime.LockOSThread()
		for j := range jobs {
			C.tv_set_threads(C.int(j.threads))
			j.done <- guarded(j.do)
		}
	}()
	return jobs
})

// caller hands work to the compute thread again and again without allocating. It is not safe for concurrent use.
type caller struct {
	threads int
	done    chan error
}

func newCaller(threads int) caller { return caller{threads, make(chan error, 1)} }

// compute runs do on the compute thread and waits for it.
func (c caller) compute(do func() error) error {
	computeThread() <- job{c.threads, do, c.done}
	return <-c.done
}

// guarded turns a panic into an error: on the compute thread nobody else could recover it, and every experiment of the
// process would end with this one.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while computing: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}
