//go:build gpu

package cuda

import (
	"fmt"

	"gorgonia.org/cu"

	"twinview/engine/lowering"
)

// alignment of every value, in bytes: what the driver itself aligns memory to.
const alignment = 256

// layout is where the values lie that only the device sees: offsets into one arena.
type layout struct {
	values  map[*lowering.Value]int
	scratch map[*work]int
	size    int
	// greatestScratch does not shrink with the batch.
	greatestScratch int
}

// place finds a place for every value that isn't visible to the caller and for the scratch of every instruction, reusing what is
// no longer needed.
func place(all []*work, visible map[*lowering.Value]bool) layout {
	last := map[*lowering.Value]int{}
	for at, w := range all {
		for _, input := range w.Inputs {
			last[input] = at
		}
	}
	l := layout{values: map[*lowering.Value]int{}, scratch: map[*work]int{}}
	a := lowering.Arena{Alignment: alignment}
	expiring := make([][]*lowering.Value, len(all))
	for at, w := range all {
		for _, out := range w.Outs {
			if visible[out] {
				continue
			}
			l.values[out] = a.Take(out.Bytes())
			end := max(at, last[out])
			expiring[end] = append(expiring[end], out)
		}
		if w.scratch > 0 {
			l.scratch[w] = a.Take(w.scratch)
			a.Give(l.scratch[w], w.scratch)
			l.greatestScratch = max(l.greatestScratch, w.scratch)
		}
		for _, v := range expiring[at] {
			a.Give(l.values[v], v.Bytes())
		}
	}
	l.size = a.Size()
	return l
}

// shortage is the error where a graph does not fit into the device's memory. Activations are as many as the batch has rows; leaves,
// gradients and scratch are not.
func shortage(l layout, visible, batch int) error {
	free, _, err := cu.MemInfo()
	if err != nil {
		return fmt.Errorf("ask the device for its free memory: %w", err)
	}
	fixed := visible + l.greatestScratch
	message := fmt.Sprintf("out of memory: %s are free on the device, and a batch of %d rows needs %s",
		mebibytes(int(free)), batch, mebibytes(visible+l.size))
	room, activations := int(free)-fixed, l.size-l.greatestScratch
	if room <= 0 || activations <= 0 || room*batch/activations < 1 {
		return fmt.Errorf("%s, too little for any batch: take a smaller network or another device", message)
	}
	return fmt.Errorf("%s: a batch of %d rows would fit", message, min(batch-1, room*batch/activations))
}

func mebibytes(n int) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
