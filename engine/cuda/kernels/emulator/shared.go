package emulator

import "fmt"

// shared is a block's shared memory, with what is known of each of its words of 4 bytes.
type shared struct {
	bytes []byte
	words []word
	// epoch is the number of barriers that the block has passed, from 1 on.
	epoch uint32
}

// word is when it was last written and read, and by whom: threads of the block, counted from 1 on.
type word struct {
	written, read  uint32
	writer, reader int16
	// many tells that other threads than reader have read it in the same epoch.
	many bool
	// coming is the thread whose cp.async will write the word, 0 if there is none.
	coming int16
}

func newShared(size int) shared {
	return shared{bytes: make([]byte, roundUp(size, 4)), words: make([]word, (size+3)/4)}
}

func (s *shared) clear() {
	clear(s.words)
	s.epoch = 1
}

// reads notes that a thread reads bytes, and returns an error if it must not.
func (s *shared) reads(thread, offset, size int) error {
	thread++
	for at := offset / 4; at <= (offset+size-1)/4; at++ {
		switch word := &s.words[at]; {
		case word.coming != 0:
			return fmt.Errorf("the word at %d is read while a cp.async of thread %d is on its way to it", 4*at, word.coming-1)
		case word.written == 0:
			return fmt.Errorf("the word at %d is read and was never written", 4*at)
		case word.written == s.epoch && word.writer != int16(thread):
			return fmt.Errorf("a race: the word at %d was written by thread %d, and no barrier was in between", 4*at, word.writer-1)
		case word.read != s.epoch:
			word.read, word.reader, word.many = s.epoch, int16(thread), false
		case word.reader != int16(thread):
			word.many = true
		}
	}
	return nil
}

// writes notes that a thread writes bytes, and returns an error if it must not.
func (s *shared) writes(thread, offset, size int) error {
	thread++
	for at := offset / 4; at <= (offset+size-1)/4; at++ {
		word := &s.words[at]
		switch {
		case word.coming != 0:
			return fmt.Errorf("the word at %d is written while a cp.async of thread %d is on its way to it", 4*at, word.coming-1)
		case word.written == s.epoch && word.writer != int16(thread):
			return fmt.Errorf("a race: the word at %d was written by thread %d, too, and no barrier was in between", 4*at, word.writer-1)
		case word.read == s.epoch && (word.reader != int16(thread) || word.many):
			return fmt.Errorf("a race: the word at %d was read by thread %d, and no barrier was in between", 4*at, word.reader-1)
		}
		word.written, word.writer = s.epoch, int16(thread)
	}
	return nil
}

// expects notes that a thread's cp.async will write bytes; arrived that it has.
func (s *shared) expects(thread, offset, size int) error {
	if err := s.writes(thread, offset, size); err != nil {
		return err
	}
	for at := offset / 4; at <= (offset+size-1)/4; at++ {
		s.words[at].coming = int16(thread + 1)
	}
	return nil
}

func (s *shared) arrived(thread, offset, size int) {
	for at := offset / 4; at <= (offset+size-1)/4; at++ {
		word := &s.words[at]
		word.coming, word.written, word.writer = 0, s.epoch, int16(thread+1)
	}
}
