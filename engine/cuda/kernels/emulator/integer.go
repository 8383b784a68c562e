package emulator

import "math/bits"

// truncate leaves the lowest bits of a number.
func truncate(value uint64, width int) uint64 { return value & (^uint64(0) >> (64 - width)) }

// signed is a number of so many bits in two's complement.
func signed(value uint64, width int) int64 { return int64(value<<(64-width)) >> (64 - width) }

// integers are the operations on integers, and on bits and predicates, of a width.
func integers(head string, sign bool, width int) operation {
	cut := func(v uint64) uint64 { return truncate(v, width) }
	of := func(v uint64) int64 { return signed(v, width) }
	switch head {
	case "add":
		return operation{two: func(a, b uint64) uint64 { return cut(a + b) }}
	case "sub":
		return operation{two: func(a, b uint64) uint64 { return cut(a - b) }}
	case "and":
		return operation{two: func(a, b uint64) uint64 { return a & b }}
	case "or":
		return operation{two: func(a, b uint64) uint64 { return a | b }}
	case "xor":
		return operation{two: func(a, b uint64) uint64 { return a ^ b }}
	case "not":
		return operation{one: func(a uint64) uint64 { return cut(^a) }}
	case "neg":
		return operation{one: func(a uint64) uint64 { return cut(-a) }}
	case "abs":
		return operation{one: func(a uint64) uint64 {
			if of(a) < 0 {
				return cut(-a)
			}
			return a
		}}
	case "popc":
		return operation{one: func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }}
	case "clz":
		return operation{one: func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - 64 + width) }}
	case "min", "max":
		return operation{two: extreme(head == "max", sign, width)}
	case "div", "rem":
		return operation{two: quotient(head == "rem", sign, width)}
	case "shl", "shr":
		return shift(head == "shr", sign, width)
	}
	return operation{}
}

func extreme(most, sign bool, width int) func(a, b uint64) uint64 {
	return func(a, b uint64) uint64 {
		less := a < b
		if sign {
			less = signed(a, width) < signed(b, width)
		}
		if less != most {
			return a
		}
		return b
	}
}

// byZero is what a division by zero panics with.
type byZero struct{}

func quotient(rest, sign bool, width int) func(a, b uint64) uint64 {
	if !sign {
		return func(a, b uint64) uint64 {
			if b == 0 {
				panic(byZero{})
			}
			if rest {
				return a % b
			}
			return a / b
		}
	}
	return func(a, b uint64) uint64 {
		if b == 0 {
			panic(byZero{})
		}
		if rest {
			return truncate(uint64(signed(a, width)%signed(b, width)), width)
		}
		return truncate(uint64(signed(a, width)/signed(b, width)), width)
	}
}

// shift is by any number: by the width and more nothing is left, or the sign.
func shift(right, sign bool, width int) operation {
	o := operation{last: 32}
	switch {
	case !right:
		o.two = func(a, b uint64) uint64 { return truncate(a<<uint32(b), width) }
	case sign:
		o.two = func(a, b uint64) uint64 { return truncate(uint64(signed(a, width)>>uint32(b)), width) }
	default:
		o.two = func(a, b uint64) uint64 { return a >> uint32(b) }
	}
	return o
}

// products are those of integers: their lower half, their upper half or all of it, and these with a sum.
func products(head, part string, sign bool, width int) operation {
	var product func(a, b uint64) uint64
	wide := width
	switch part {
	case "lo":
		product = func(a, b uint64) uint64 { return truncate(a*b, width) }
	case "wide":
		if wide = 2 * width; wide > 64 {
			return operation{}
		}
		product = func(a, b uint64) uint64 { return a * b }
		if sign {
			product = func(a, b uint64) uint64 { return truncate(uint64(signed(a, width)*signed(b, width)), wide) }
		}
	case "hi":
		product = upperHalf(sign, width)
	default:
		return operation{}
	}
	if head == "mul" {
		return operation{two: product, bits: width}
	}
	return operation{three: func(a, b, c uint64) uint64 { return truncate(product(a, b)+c, wide) }, bits: width, last: wide}
}

func upperHalf(sign bool, width int) func(a, b uint64) uint64 {
	if width < 64 {
		return func(a, b uint64) uint64 {
			if sign {
				return truncate(uint64(signed(a, width)*signed(b, width)>>width), width)
			}
			return a * b >> width
		}
	}
	return func(a, b uint64) uint64 {
		high, _ := bits.Mul64(a, b)
		if sign && int64(a) < 0 {
			high -= b
		}
		if sign && int64(b) < 0 {
			high -= a
		}
		return high
	}
}

// insert decodes bfi: c bits of a, put into b from bit d on, as they are read in order of the operands behind the result.
func (d *decoder) insert() func(w *warp, mask uint32) {
	d.wants(5)
	if len(d.rest) != 1 || d.rest[0] != "b32" && d.rest[0] != "b64" {
		d.unknown()
	}
	width := bitsOf(d.rest[0])
	operands := d.st.operands
	to, what, into := d.result(operands[0]), d.value(operands[1], width), d.value(operands[2], width)
	from, count := d.value(operands[3], 32), d.value(operands[4], 32)
	return eachLane(func(w *warp, lane int) {
		first, n := w.registers[from][lane]&255, w.registers[count][lane]&255
		field := (uint64(1)<<n - 1) << first
		w.registers[to][lane] = truncate(w.registers[into][lane]&^field|w.registers[what][lane]<<first&field, width)
	})
}
