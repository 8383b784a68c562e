package cpu

// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// computeThread runs functions one after another on an OS thread of its own. An OpenMP team belongs to the thread that
// called it: from goroutines that wander between threads, each thread would start a team and the teams would fight over
// the cores.
var computeThread = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

// compute runs do on the compute thread with the given number of threads and waits for it.
func compute(threads int, do func() error) error {
	done := make(chan error, 1)
	computeThread() <- func() {
		C.tv_set_threads(C.int(threads))
		done <- guarded(do)
	}
	return <-done
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
