package emulator

// operation is what an instruction makes of its operands, lane by lane: numbers with zeros above their bits.
type operation struct {
	one   func(a uint64) uint64
	two   func(a, b uint64) uint64
	three func(a, b, c uint64) uint64
	// bits are those of an operand, last those of the last one where they are others.
	bits, last int
}

// arithmeticOf is the operation of an opcode; with no function in it if there is none here.
func arithmeticOf(head string, rest []string) operation {
	if len(rest) == 0 {
		return operation{}
	}
	kind := rest[len(rest)-1]
	bits := bitsOf(kind)
	switch {
	case bits == 0:
		return operation{}
	case head == "cvt":
		return conversion(rest)
	case head == "setp":
		return comparison(rest)
	case head == "selp" && len(rest) == 1:
		return operation{three: choose, bits: bits, last: 1}
	case kind == "f32":
		return withBits(float32s(head, rest[:len(rest)-1]), 32)
	case kind == "f64":
		return withBits(float64s(head, rest[:len(rest)-1]), 64)
	case len(rest) == 1:
		o := integers(head, kind[0] == 's', bits)
		o.bits = bits
		return o
	case len(rest) == 2 && (head == "mul" || head == "mad"):
		return products(head, rest[0], kind[0] == 's', bits)
	}
	return operation{}
}

func withBits(o operation, bits int) operation {
	o.bits = bits
	return o
}

func choose(a, b, c uint64) uint64 {
	if c != 0 {
		return a
	}
	return b
}

// arithmetic decodes an instruction that depends on nothing but its operands.
func (d *decoder) arithmetic() func(w *warp, mask uint32) {
	switch d.head {
	case "bfi":
		return d.insert()
	case "cvta":
		return d.window()
	}
	o := arithmeticOf(d.head, d.rest)
	n := len(d.st.operands) - 1
	if o.one == nil && o.two == nil && o.three == nil {
		d.unknown()
	}
	if n < 1 || n > 3 || n == 1 && o.one == nil || n == 2 && o.two == nil || n == 3 && o.three == nil {
		d.fail("there are %d operands", n+1)
	}
	if o.last == 0 {
		o.last = o.bits
	}
	to := d.result(d.st.operands[0])
	var from [3]row
	for i, operand := range d.st.operands[1:] {
		bits := o.bits
		if i == n-1 {
			bits = o.last
		}
		from[i] = d.value(operand, bits)
	}
	switch n {
	case 1:
		return ofOne(o.one, to, from[0])
	case 2:
		return ofTwo(o.two, to, from[0], from[1])
	default:
		return ofThree(o.three, to, from[0], from[1], from[2])
	}
}

func ofOne(f func(a uint64) uint64, to, a row) func(w *warp, mask uint32) {
	return func(w *warp, mask uint32) {
		r, x := &w.registers[to], &w.registers[a]
		if mask == all {
			for lane := range r {
				r[lane] = f(x[lane])
			}
			return
		}
		for lane := range r {
			if mask>>lane&1 != 0 {
				r[lane] = f(x[lane])
			}
		}
	}
}

func ofTwo(f func(a, b uint64) uint64, to, a, b row) func(w *warp, mask uint32) {
	return func(w *warp, mask uint32) {
		r, x, y := &w.registers[to], &w.registers[a], &w.registers[b]
		if mask == all {
			for lane := range r {
				r[lane] = f(x[lane], y[lane])
			}
			return
		}
		for lane := range r {
			if mask>>lane&1 != 0 {
				r[lane] = f(x[lane], y[lane])
			}
		}
	}
}

func ofThree(f func(a, b, c uint64) uint64, to, a, b, c row) func(w *warp, mask uint32) {
	return func(w *warp, mask uint32) {
		r, x, y, z := &w.registers[to], &w.registers[a], &w.registers[b], &w.registers[c]
		if mask == all {
			for lane := range r {
				r[lane] = f(x[lane], y[lane], z[lane])
			}
			return
		}
		for lane := range r {
			if mask>>lane&1 != 0 {
				r[lane] = f(x[lane], y[lane], z[lane])
			}
		}
	}
}

// window decodes cvta: addresses of a space to generic ones and back. Those of global memory are generic ones.
func (d *decoder) window() func(w *warp, mask uint32) {
	d.wants(2)
	back := d.flag("to")
	var base uint64
	switch d.rest[0] {
	case "global":
	case "shared":
		base = sharedWindow
	case "local":
		base = localWindow
	default:
		d.unknown()
	}
	if back {
		base = -base
	}
	return ofOne(func(a uint64) uint64 { return a + base }, d.result(d.st.operands[0]), d.value(d.st.operands[1], 64))
}

// move decodes mov: of numbers, of names' addresses, and of halves to and from a vector.
func (d *decoder) move() func(w *warp, mask uint32) {
	d.wants(2)
	to, from := d.st.operands[0], d.st.operands[1]
	if len(d.rest) != 1 || bitsOf(d.rest[0]) == 0 {
		d.unknown()
	}
	bits := bitsOf(d.rest[0])
	switch {
	case to.vector != nil:
		return d.unpack(to.vector, d.value(from, bits), bits)
	case from.vector != nil:
		return d.pack(d.result(to), from.vector, bits)
	case from.constant && bits == 1 && from.value != 0:
		from.value = 1
	}
	result, value := d.result(to), d.value(from, bits)
	return func(w *warp, mask uint32) { copyLanes(&w.registers[result], &w.registers[value], mask) }
}

func (d *decoder) unpack(to []operand, from row, bits int) func(w *warp, mask uint32) {
	each := bits / len(to)
	var parts []row
	for _, o := range to {
		parts = append(parts, d.result(o))
	}
	return eachLane(func(w *warp, lane int) {
		value := w.registers[from][lane]
		for i, at := range parts {
			w.registers[at][lane] = truncate(value>>(i*each), each)
		}
	})
}

func (d *decoder) pack(to row, from []operand, bits int) func(w *warp, mask uint32) {
	each := bits / len(from)
	var parts []row
	for _, o := range from {
		parts = append(parts, d.value(o, each))
	}
	return eachLane(func(w *warp, lane int) {
		var value uint64
		for i, at := range parts {
			value |= truncate(w.registers[at][lane], each) << (i * each)
		}
		w.registers[to][lane] = value
	})
}
