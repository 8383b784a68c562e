//go:build gpu

package cuda

import (
	"fmt"

	"twinview/engine"
	"twinview/engine/lowering"
)

// alignment of every value, in bytes: what the driver itself aligns memory to.
const alignment = 256

// aligned rounds a number of bytes up to the alignment.
func aligned(bytes int) int { return (bytes + alignment - 1) / alignment * alignment }

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

// demand is how much memory a graph takes, in bytes.
type demand struct {
	// rows is how many go through the network at once: as many times activations are there. All else does not depend on them.
	rows               int
	activations, fixed int
	// optimizer is what the rules with the most buffers keep beside the graph, where it trains, and what a snapshot takes.
	optimizer int
}

func demandOf(p *lowering.Program, l layout, rows int) demand {
	d := demand{rows: rows, activations: l.size - l.greatestScratch, fixed: l.greatestScratch}
	for v := range p.Visible() {
		d.fixed += v.Bytes()
	}
	if p.Trains() {
		const most = 2 + 3 // AdamW's, and those with the weights once more
		for _, v := range p.Outputs {
			d.optimizer += most * v.Bytes() // gradients, and little else
		}
	}
	return d
}

// shortage is the error where the graph does not fit into what the device has free, once nothing of it is there any more.
func (d demand) shortage(device int) error {
	free, total, err := freeMemory()
	if err != nil {
		return err
	}
	fixed := d.fixed + d.optimizer
	short := &engine.MemoryError{
		Device: fmt.Sprintf("cuda:%d", device), Needed: int64(fixed + d.activations), Free: free, Total: total, Rows: d.rows,
		PerRow: int64((d.activations + d.rows - 1) / d.rows),
	}
	if room := int(free) - fixed; room > 0 && d.activations > 0 {
		short.Fits = min(d.rows-1, room*d.rows/d.activations)
	}
	return short
}
