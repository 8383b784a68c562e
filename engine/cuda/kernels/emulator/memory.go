package emulator

import "encoding/binary"

// space is one of PTX's spaces of memory.
type space uint8

const (
	generic space = iota
	global
	sharedSpace
	local
)

// bytes is memory at an address, which a lane reads or writes.
func (w *warp) bytes(in space, lane int, address uint64, size int, does use) []byte {
	if address%uint64(size) != 0 {
		w.fail(lane, "the address %#x is no multiple of %d", address, size)
	}
	if in == generic {
		switch {
		case address >= localWindow:
			in, address = local, address-localWindow
		case address >= sharedWindow:
			in, address = sharedSpace, address-sharedWindow
		default:
			in = global
		}
	}
	switch in {
	case sharedSpace:
		return w.shared(lane, address, size, does)
	case local:
		frame := uint64(w.block.program.local)
		if address > frame || frame-address < uint64(size) {
			w.fail(lane, "%d bytes at %d of the thread's frame, which has %d", size, address, frame)
		}
		return w.frame[uint64(lane)*frame+address:][:size]
	default:
		return w.global(lane, address, size, does)
	}
}

func (w *warp) global(lane int, address uint64, size int, does use) []byte {
	b := w.block
	a := b.recent[w.pc]
	if a == nil || !a.has(address, size) {
		if a = b.device.find(address, size); a == nil {
			w.fail(lane, "%d bytes at %#x: %s", size, address, b.device.near(address))
		}
		b.recent[w.pc] = a
	}
	by := party{b.number, int16(w.number*lanes + lane), b.shared.epoch}
	offset := int(address - a.address)
	if err := a.touch(b.launched, by, offset, size, does); err != nil {
		w.fail(lane, "%w", err)
	}
	return a.bytes[offset:][:size]
}

func (w *warp) shared(lane int, address uint64, size int, does use) []byte {
	offset := w.sharedOffset(lane, address, size)
	check := w.block.shared.reads
	if does != reads {
		check = w.block.shared.writes
	}
	if err := check(w.number*lanes+lane, offset, size); err != nil {
		w.fail(lane, "%w", err)
	}
	return w.block.shared.bytes[offset:][:size]
}

// sharedOffset is where an address is in the block's shared memory.
func (w *warp) sharedOffset(lane int, address uint64, size int) int {
	end := uint64(w.block.program.dynamic + w.block.launch.Shared)
	if address < sharedBase || address > end || end-address < uint64(size) {
		w.fail(lane, "%d bytes at %d of shared memory, which has %d", size, int64(address)-sharedBase, end-sharedBase)
	}
	return int(address - sharedBase)
}

// get and put are a little-endian number of 1, 2, 4 or 8 bytes.
func get(from []byte) uint64 {
	switch len(from) {
	case 4:
		return uint64(binary.LittleEndian.Uint32(from))
	case 8:
		return binary.LittleEndian.Uint64(from)
	case 2:
		return uint64(binary.LittleEndian.Uint16(from))
	}
	return uint64(from[0])
}

func put(to []byte, value uint64) {
	switch len(to) {
	case 4:
		binary.LittleEndian.PutUint32(to, uint32(value))
	case 8:
		binary.LittleEndian.PutUint64(to, value)
	case 2:
		binary.LittleEndian.PutUint16(to, uint16(value))
	default:
		to[0] = byte(value)
	}
}
