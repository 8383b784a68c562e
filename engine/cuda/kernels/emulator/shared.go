package emulator

import "fmt"

// cell is the number of bytes of which is known who has touched them. Accesses to single bytes are no races.
const cell = 2

// shared is a block's shared memory, with what is known of each of its cells.
type shared struct {
	bytes []byte
	cells []sharedCell
	// epoch is the number of barriers that the block has passed, from 1 on.
	epoch uint32
}

// sharedCell is when it was last written and read, and by whom: threads of the block, counted from 1 on.
type sharedCell struct {
	written, read  uint32
	writer, reader int16
	// many tells that other threads than reader have read it in the same epoch.
	many bool
	// coming is the thread whose cp.async will write it, 0 if there is none.
	coming int16
}

func newShared(size int) shared {
	size = roundUp(size, cell)
	return shared{bytes: make([]byte, size), cells: make([]sharedCell, size/cell)}
}

func (s *shared) clear() {
	clear(s.cells)
	s.epoch = 1
}

// of are the cells of an access.
func (s *shared) of(offset, size int) []sharedCell {
	return s.cells[offset/cell : (offset+size+cell-1)/cell]
}

// reads notes that a thread reads bytes, and returns an error if it must not.
func (s *shared) reads(thread, offset, size int) error {
	by := int16(thread + 1)
	cells := s.of(offset, size)
	for i := range cells {
		switch c := &cells[i]; {
		case c.coming != 0:
			return fmt.Errorf("byte %d of shared memory is read while a cp.async of thread %d is on its way to it",
				offset+cell*i, c.coming-1)
		case c.written == 0:
			return fmt.Errorf("byte %d of shared memory is read and was never written", offset+cell*i)
		case c.written == s.epoch && c.writer != by && size > 1:
			return fmt.Errorf("a race: byte %d of shared memory was written by thread %d, and no barrier was in between",
				offset+cell*i, c.writer-1)
		case c.read != s.epoch:
			c.read, c.reader, c.many = s.epoch, by, false
		case c.reader != by:
			c.many = true
		}
	}
	return nil
}

// writes notes that a thread writes bytes, and returns an error if it must not.
func (s *shared) writes(thread, offset, size int) error {
	by := int16(thread + 1)
	cells := s.of(offset, size)
	for i := range cells {
		c := &cells[i]
		switch {
		case c.coming != 0:
			return fmt.Errorf("byte %d of shared memory is written while a cp.async of thread %d is on its way to it",
				offset+cell*i, c.coming-1)
		case size == 1:
		case c.written == s.epoch && c.writer != by:
			return fmt.Errorf("a race: byte %d of shared memory was written by thread %d, too, and no barrier was in between",
				offset+cell*i, c.writer-1)
		case c.read == s.epoch && (c.reader != by || c.many):
			return fmt.Errorf("a race: byte %d of shared memory was read by thread %d, and no barrier was in between",
				offset+cell*i, c.reader-1)
		}
		c.written, c.writer = s.epoch, by
	}
	return nil
}

// expects notes that a thread's cp.async will write bytes; arrived that it has.
func (s *shared) expects(thread, offset, size int) error {
	if err := s.writes(thread, offset, size); err != nil {
		return err
	}
	cells := s.of(offset, size)
	for i := range cells {
		cells[i].coming = int16(thread + 1)
	}
	return nil
}

func (s *shared) arrived(thread, offset, size int) {
	cells := s.of(offset, size)
	for i := range cells {
		c := &cells[i]
		c.coming, c.written, c.writer = 0, s.epoch, int16(thread+1)
	}
}
