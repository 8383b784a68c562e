package emulator

import (
	"math/bits"
	"slices"
	"strings"
)

// asyncCopies are those of a thread that it has not waited for. A copy's group is the number of groups that the thread had
// committed before.
type asyncCopies struct {
	committed int
	copies    []asyncCopy
}

// asyncCopy writes size bytes of shared memory: what is at source and, behind that, zeros.
type asyncCopy struct {
	group, offset, size int
	source              []byte
}

// copy decodes cp.async and what belongs to it.
func (d *decoder) copy() func(w *warp, mask uint32) {
	word := strings.Join(d.rest, ".")
	switch {
	case word == "async.commit_group":
		d.wants(0)
		return eachLane(func(w *warp, lane int) { w.async[lane].committed++ })
	case word == "async.wait_all":
		d.wants(0)
		return eachLane(func(w *warp, lane int) {
			w.async[lane].committed++
			w.arriveCopies(lane, 0)
		})
	case word == "async.wait_group":
		d.wants(1)
		pending := int(d.st.operands[0].value)
		return eachLane(func(w *warp, lane int) { w.arriveCopies(lane, pending) })
	case strings.HasPrefix(word, "async.ca.shared.global"), strings.HasPrefix(word, "async.cg.shared.global"):
		return d.copyAsync(d.rest[1] == "cg")
	}
	d.unknown()
	return nil
}

// copyAsync begins a copy: [to], [from], size and, where it is not that, the bytes that are read; the rest are zeros.
func (d *decoder) copyAsync(onlyWhole bool) func(w *warp, mask uint32) {
	hints := []string{"L2::64B", "L2::128B", "L2::256B"}
	if given := d.rest[4:]; len(given) > 1 || len(given) == 1 && !slices.Contains(hints, given[0]) {
		d.unknown()
	}
	if n := len(d.st.operands); n != 3 && n != 4 {
		d.fail("%d operands, want 3 or 4", n)
	}
	size := int(d.st.operands[2].value)
	if !d.st.operands[2].constant || bits.OnesCount(uint(size)) != 1 || size < 4 || size > 16 || onlyWhole && size != 16 {
		d.fail("a size of %d bytes", size)
	}
	to := access{space: sharedSpace}
	to.base, to.offset = d.address(d.st.operands[0])
	from := access{space: global}
	from.base, from.offset = d.address(d.st.operands[1])
	read := d.constant(uint64(size))
	if len(d.st.operands) == 4 {
		read = d.value(d.st.operands[3], 32)
	}
	return eachLane(func(w *warp, lane int) {
		n := w.registers[read][lane]
		if n > uint64(size) {
			w.fail(lane, "%d bytes are to be read, more than the %d that are written", n, size)
		}
		w.beginCopy(lane, to.at(w, lane), from.at(w, lane), size, int(n))
	})
}

func (w *warp) beginCopy(lane int, to, from uint64, size, read int) {
	if to%uint64(size) != 0 || from%uint64(size) != 0 {
		w.fail(lane, "the address %#x or %#x is no multiple of %d", to, from, size)
	}
	c := asyncCopy{group: w.async[lane].committed, offset: w.sharedOffset(lane, to, size), size: size}
	if read > 0 {
		c.source = w.global(lane, from, read, reads)
	}
	if err := w.block.shared.expects(w.number*lanes+lane, c.offset, size); err != nil {
		w.fail(lane, "%w", err)
	}
	w.async[lane].copies = append(w.async[lane].copies, c)
}

// arriveCopies makes a thread's copies but those of its last groups.
func (w *warp) arriveCopies(lane, pending int) {
	a := &w.async[lane]
	done := 0
	for _, c := range a.copies {
		if c.group >= a.committed-pending {
			break
		}
		to := w.block.shared.bytes[c.offset:][:c.size]
		clear(to[copy(to, c.source):])
		w.block.shared.arrived(w.number*lanes+lane, c.offset, c.size)
		done++
	}
	a.copies = append(a.copies[:0], a.copies[done:]...)
}
