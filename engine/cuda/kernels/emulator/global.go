package emulator

import "fmt"

// party is a thread between two barriers. Parties of different blocks are never in an order, those of a block are if a barrier
// is between them.
type party struct {
	block  int32
	thread int16
	epoch  uint32
}

// apart tells whether nothing orders what two of one launch do.
func (p party) apart(q party) bool {
	return p.block != q.block || p.thread != q.thread && p.epoch == q.epoch
}

// globalCell is who has touched a cell of global memory in a launch.
type globalCell struct {
	launch                  uint32
	written, read           bool
	atomic                  bool // it was written by atomic operations alone, which may meet
	writer, reader, another party
	// blocks tells that several blocks have read it; another is a reader in reader's epoch, or it again.
	blocks bool
}

// use is what an access does to memory.
type use uint8

const (
	reads use = iota
	writes
	updates // atomically
)

// touch notes that a thread touches bytes in a launch, and returns an error if it must not.
func (a *allocation) touch(launch uint32, by party, offset, size int, does use) error {
	if a.cells == nil {
		a.cells = make([]globalCell, (len(a.bytes)+cell-1)/cell)
	}
	if size == 1 {
		return nil
	}
	cells := a.cells[offset/cell : (offset+size+cell-1)/cell]
	for i := range cells {
		c := &cells[i]
		if c.launch != launch {
			*c = globalCell{launch: launch}
		}
		if c.written && c.writer.apart(by) && !(c.atomic && does == updates) {
			return fmt.Errorf("a race: byte %d of an array of %d was written by thread %d of block %d, and nothing was in between",
				offset+cell*i, len(a.bytes), c.writer.thread, c.writer.block)
		}
		if does == reads {
			c.readBy(by)
			continue
		}
		if c.read && (c.blocks || c.reader.apart(by) || c.another.apart(by)) {
			return fmt.Errorf("a race: byte %d of an array of %d was read by thread %d of block %d, and nothing was in between",
				offset+cell*i, len(a.bytes), c.reader.thread, c.reader.block)
		}
		c.atomic = does == updates && (c.atomic || !c.written)
		c.written, c.writer = true, by
	}
	return nil
}

func (c *globalCell) readBy(by party) {
	switch {
	case !c.read || c.reader.block == by.block && c.reader.epoch != by.epoch:
		c.reader, c.another = by, by
	case c.reader.block != by.block:
		c.blocks = true
	case c.reader.thread != by.thread:
		c.another = by
	}
	c.read = true
}
