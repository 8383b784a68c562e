package emulator

import (
	"strconv"
	"strings"
)

// access is what a load or a store says of memory.
type access struct {
	space  space
	size   int // bytes of a number
	signed bool
	base   row // none: the offset is the address
	offset uint64
	values []row
	widths []int // of the registers, in bits
}

// access decodes the words behind ld or st, with the operands for the address and for the values.
func (d *decoder) access(address, value operand, does use) access {
	a := access{space: generic, base: none}
	for _, word := range d.rest[:len(d.rest)-1] {
		switch word {
		case "global":
			a.space = global
		case "shared":
			a.space = sharedSpace
		case "local":
			a.space = local
		case "v2", "v4":
			if n, _ := strconv.Atoi(word[1:]); len(value.vector) != n {
				d.fail("%d values, want %d", len(value.vector), n)
			}
		// How memory is cached, and what is ordered before and after, is as one likes where one thread runs at a time.
		case "acquire", "release", "relaxed", "volatile", "weak", "gpu", "cta", "sys", "nc", "ca", "cg", "cs", "cv", "lu", "wb",
			"wt", "L1::evict_last", "L1::no_allocate", "L2::64B", "L2::128B", "L2::256B":
		default:
			d.unknown()
		}
	}
	kind := d.rest[len(d.rest)-1]
	a.size, a.signed = bitsOf(kind)/8, kind[0] == 's'
	if a.size == 0 {
		d.unknown()
	}
	each := value.vector
	if each == nil {
		each = []operand{value}
	}
	for _, o := range each {
		if does == writes {
			a.values = append(a.values, d.value(o, 8*a.size))
		} else {
			a.values = append(a.values, d.result(o))
		}
		a.widths = append(a.widths, d.widthOf(o))
	}
	a.base, a.offset = d.address(address)
	return a
}

// address is the register and the offset of [base+offset].
func (d *decoder) address(o operand) (base row, offset uint64) {
	if !o.address {
		d.fail("%q is no address", o.name)
	}
	if at, ok := d.symbols[o.name]; ok {
		return none, at + o.value
	}
	if o.name == "" {
		return none, o.value
	}
	return d.named(o.name), o.value
}

// at is the address in a lane. Those of 32 bits, of shared memory, wrap around at 32.
func (a *access) at(w *warp, lane int) uint64 {
	if a.base == none {
		return a.offset
	}
	address := w.registers[a.base][lane] + a.offset
	if a.space == sharedSpace {
		address &= 1<<32 - 1
	}
	return address
}

func (d *decoder) load() func(w *warp, mask uint32) {
	d.wants(2)
	if d.flag("param") {
		return d.loadParameter()
	}
	a := d.access(d.st.operands[1], d.st.operands[0], reads)
	whole := a.size * len(a.values)
	return eachLane(func(w *warp, lane int) {
		from := w.bytes(a.space, lane, a.at(w, lane), whole, reads)
		for i, to := range a.values {
			w.registers[to][lane] = a.extend(get(from[i*a.size:][:a.size]), i)
		}
	})
}

// extend is a number as a register takes it.
func (a *access) extend(value uint64, i int) uint64 {
	if !a.signed || a.widths[i] <= 8*a.size {
		return value
	}
	return truncate(uint64(signed(value, 8*a.size)), a.widths[i])
}

func (d *decoder) store() func(w *warp, mask uint32) {
	d.wants(2)
	if d.flag("param") {
		return d.storeParameter()
	}
	a := d.access(d.st.operands[0], d.st.operands[1], writes)
	whole := a.size * len(a.values)
	return eachLane(func(w *warp, lane int) {
		to := w.bytes(a.space, lane, a.at(w, lane), whole, writes)
		for i, from := range a.values {
			put(to[i*a.size:][:a.size], w.registers[from][lane])
		}
	})
}

// loadParameter reads a kernel's parameters, or those of a function and what it left, which are in rows.
func (d *decoder) loadParameter() func(w *warp, mask uint32) {
	to, from := d.st.operands[0], d.st.operands[1]
	if at, ok := d.inRow(from); ok {
		result := d.result(to)
		return func(w *warp, mask uint32) { copyLanes(&w.registers[result], &w.registers[at], mask) }
	}
	a := d.access(from, to, reads)
	whole := a.size * len(a.values)
	if a.base == none {
		return d.loadConstant(a, whole)
	}
	return eachLane(func(w *warp, lane int) {
		address := a.at(w, lane)
		if end := uint64(len(w.block.values)); address%uint64(whole) != 0 || address > end || end-address < uint64(whole) {
			w.fail(lane, "%d bytes at %d of the parameters, which have %d", whole, address, end)
		}
		for i, to := range a.values {
			w.registers[to][lane] = a.extend(get(w.block.values[int(address)+i*a.size:][:a.size]), i)
		}
	})
}

// loadConstant reads parameters at a place that is the same for all lanes.
func (d *decoder) loadConstant(a access, whole int) func(w *warp, mask uint32) {
	if int(a.offset)%whole != 0 || a.offset > uint64(d.bytes) || d.bytes-int(a.offset) < whole {
		d.fail("%d bytes at %d of the parameters, which have %d", whole, a.offset, d.bytes)
	}
	return func(w *warp, mask uint32) {
		for i, to := range a.values {
			var value values32
			number := a.extend(get(w.block.values[int(a.offset)+i*a.size:][:a.size]), i)
			for lane := range value {
				value[lane] = number
			}
			copyLanes(&w.registers[to], &value, mask)
		}
	}
}

// inRow is the row of a function's parameter or result, or of what stands for it where it is called.
func (d *decoder) inRow(o operand) (row, bool) {
	if _, ok := d.symbols[o.name]; ok || !o.address {
		return none, false
	}
	if strings.HasPrefix(o.name, "%") {
		return none, false
	}
	if o.value != 0 {
		d.fail("an offset of %d in a parameter that is a number", o.value)
	}
	if at, ok := d.register(d.function, o.name); ok {
		return at, true
	}
	for _, v := range append(d.function.parameters, d.function.results...) {
		if v.name == o.name {
			return d.parameterOf(d.function, v), true
		}
	}
	return none, false
}

func (d *decoder) storeParameter() func(w *warp, mask uint32) {
	to, ok := d.inRow(d.st.operands[0])
	if !ok {
		d.fail("%q is no parameter to write to", d.st.operands[0].name)
	}
	from := d.value(d.st.operands[1], bitsOf(d.rest[len(d.rest)-1]))
	return func(w *warp, mask uint32) { copyLanes(&w.registers[to], &w.registers[from], mask) }
}

// atomic is one of the few that kernels have: on integers in global memory.
func (d *decoder) atomic() func(w *warp, mask uint32) {
	d.wants(3)
	if !d.flag("global") {
		d.unknown()
	}
	for _, scope := range []string{"gpu", "relaxed"} {
		d.flag(scope)
	}
	kind := d.rest[len(d.rest)-1]
	combine := arithmeticOf(d.rest[0], d.rest[1:]).two
	if combine == nil || len(d.rest) != 2 || kind[0] == 'f' {
		d.unknown()
	}
	bits := bitsOf(kind)
	base, offset := d.address(d.st.operands[1])
	a := access{space: global, size: bits / 8, base: base, offset: offset}
	old, with := d.result(d.st.operands[0]), d.value(d.st.operands[2], bits)
	return eachLane(func(w *warp, lane int) {
		at := w.bytes(global, lane, a.at(w, lane), a.size, updates)
		value := get(at)
		put(at, combine(value, w.registers[with][lane]))
		w.registers[old][lane] = value
	})
}
