package engine

import "fmt"

// MemoryError is wrapped by the error of a Compiler, of NewOptimizer, NewAugmenter or NewQueue, whose device has too little memory for the
// graph.
type MemoryError struct {
	// Device is the one that was asked, such as cuda:0.
	Device string
	// Needed is how many bytes the graph takes, Free how many the device has left, Total how many it has.
	Needed, Free, Total int64
	// Rows is how many go through the graph at once, Fits how many could in the memory that is free, 0 if none could.
	Rows, Fits int
	// PerRow is how many bytes each row takes.
	PerRow int64
}

func (e *MemoryError) Error() string {
	message := fmt.Sprintf("out of memory: %s, and a batch of %d rows needs %s", e.Room(), e.Rows, mebibytes(e.Needed))
	if e.Fits < 1 {
		return message + ", too little for any batch: take a smaller network or another device"
	}
	return fmt.Sprintf("%s: a batch of %d rows would fit", message, e.Fits)
}

// Room says how much of its memory the device has left.
func (e *MemoryError) Room() string {
	return fmt.Sprintf("%s has %s of its %s free", e.Device, mebibytes(e.Free), mebibytes(e.Total))
}

// Need says how much is wanted.
func (e *MemoryError) Need() string { return mebibytes(e.Needed) }

// mebibytes rounds up: what is there never looks like enough where it isn't.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
