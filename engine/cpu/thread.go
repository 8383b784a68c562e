package cpu

// #include "bridge.h"
import "C"

import (
	"runtime"
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
		done <- do()
	}
	return <-done
}
