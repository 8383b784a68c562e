package emulator

import (
	"math"
	"math/bits"
	"strings"
)

// together decodes instructions that the threads of a warp execute with each other.
func (d *decoder) together(in *instruction) {
	switch {
	case d.head == "shfl" && len(d.rest) == 3 && d.rest[0] == "sync" && d.rest[2] == "b32":
		in.execute = d.shuffle(in)
	case d.head == "ldmatrix":
		in.execute = d.loadMatrix()
	case d.head == "mma":
		in.execute = d.multiply()
	default:
		d.unknown()
	}
}

// shuffle decodes shfl.sync: each lane takes the value of another one.
func (d *decoder) shuffle(in *instruction) func(w *warp, mask uint32) {
	d.wants(5)
	source := shuffles[d.rest[1]]
	if source == nil {
		d.unknown()
	}
	operands := d.st.operands
	to, taken := d.result(operands[0]), none
	if operands[0].other != "" {
		taken = d.result(operand{name: operands[0].other})
	}
	value, by, clamp := d.value(operands[1], 32), d.value(operands[2], 32), d.value(operands[3], 32)
	in.members = d.value(operands[4], 32)
	return func(w *warp, mask uint32) {
		values := w.registers[value]
		for lane := range lanes {
			if mask>>lane&1 == 0 {
				continue
			}
			c := int(w.registers[clamp][lane])
			segment := c >> 8 & 31
			from, ok := source(lane, int(w.registers[by][lane])&31, segment, lane&segment|c&31&^segment)
			if !ok {
				from = lane
			}
			if mask>>from&1 == 0 {
				w.fail(lane, "the value of lane %d is read, which takes no part", from)
			}
			w.registers[to][lane] = values[from]
			if taken != none {
				w.registers[taken][lane] = uint64(b2i(ok))
			}
		}
	}
}

// shuffles tell from which lane one takes its value, and whether it may. Last is the last lane of its segment (for up, the first).
var shuffles = map[string]func(lane, by, segment, last int) (from int, ok bool){
	"up":   func(lane, by, _, last int) (int, bool) { return lane - by, lane-by >= last },
	"down": func(lane, by, _, last int) (int, bool) { return lane + by, lane+by <= last },
	"bfly": func(lane, by, _, last int) (int, bool) { return lane ^ by, lane^by <= last },
	"idx": func(lane, by, segment, last int) (int, bool) {
		from := lane&segment | by&^segment
		return from, from <= last
	},
}

// loadMatrix decodes ldmatrix: four matrices of 8 rows of 16 bytes, whose addresses lanes give, eight for each.
func (d *decoder) loadMatrix() func(w *warp, mask uint32) {
	d.wants(2)
	count := 0
	for i, word := range []string{"x1", "x2", "x4"} {
		if d.flag(word) {
			count = 1 << i
		}
	}
	transposed := d.flag("trans")
	if count == 0 || strings.Join(d.rest, ".") != "sync.aligned.m8n8.shared.b16" {
		d.unknown()
	}
	if len(d.st.operands[0].vector) != count {
		d.fail("%d registers, want %d", len(d.st.operands[0].vector), count)
	}
	var to []row
	for _, o := range d.st.operands[0].vector {
		to = append(to, d.result(o))
	}
	base, offset := d.address(d.st.operands[1])
	a := access{space: sharedSpace, base: base, offset: offset}
	return func(w *warp, mask uint32) {
		w.whole(mask)
		var rows [lanes][]byte
		for lane := range 8 * count {
			rows[lane] = w.bytes(sharedSpace, lane, a.at(w, lane), 16, reads)
		}
		for i, at := range to {
			matrix := rows[8*i:][:8]
			for lane := range lanes {
				r, c := lane/4, lane%4*4
				if !transposed {
					w.registers[at][lane] = get(matrix[r][c : c+4])
					continue
				}
				low, high := matrix[lane%4*2], matrix[lane%4*2+1]
				w.registers[at][lane] = get(low[2*r:2*r+2]) | get(high[2*r:2*r+2])<<16
			}
		}
	}
}

// whole fails unless all 32 threads of the warp are there.
func (w *warp) whole(mask uint32) {
	if mask != all {
		w.fail(bits.TrailingZeros32(mask), "only threads %032b of the warp are there, want all", mask)
	}
}

// The products of matrices: 16 rows, 8 columns.
const (
	mmaRows    = 16
	mmaColumns = 8
)

// multiply decodes mma.sync: D = A × B + C, whose parts are spread over the lanes' registers.
func (d *decoder) multiply() func(w *warp, mask uint32) {
	d.wants(4)
	var load func(w *warp, a, b []row, left *[mmaRows][16]float64, right *[mmaColumns][16]float64)
	sum, registersOfB := 0, 2
	switch strings.Join(d.rest, ".") {
	case "sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32":
		load, sum = bfloat16Fragments, 16
	case "sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":
		load, sum = tf32Fragments, 8
	default:
		d.unknown()
	}
	var to, a, b, c []row
	for i, o := range d.st.operands {
		if want := []int{4, 4, registersOfB, 4}[i]; len(o.vector) != want {
			d.fail("%d registers, want %d", len(o.vector), want)
		}
	}
	for i := range 4 {
		to = append(to, d.result(d.st.operands[0].vector[i]))
		a = append(a, d.value(d.st.operands[1].vector[i], 32))
		c = append(c, d.value(d.st.operands[3].vector[i], 32))
	}
	for i := range registersOfB {
		b = append(b, d.value(d.st.operands[2].vector[i], 32))
	}
	return func(w *warp, mask uint32) {
		w.whole(mask)
		var left [mmaRows][16]float64
		var right [mmaColumns][16]float64
		load(w, a, b, &left, &right)
		var results [4]values32
		for lane := range lanes {
			for i := range 4 {
				x, y := &left[lane/4+i/2*8], &right[lane%4*2+i%2]
				total := toFloat32(w.registers[c[i]][lane])
				for k := 0; k < sum; k += sum / 2 {
					total = towardsZero(float64(total) + dot(x[k:k+sum/2], y[k:k+sum/2]))
				}
				results[i][lane] = ofFloat32(total)
			}
		}
		for i, at := range to {
			w.registers[at] = results[i]
		}
	}
}

// bfloat16Fragments takes A and B out of the registers: a lane has two neighbours along k in each.
func bfloat16Fragments(w *warp, a, b []row, left *[mmaRows][16]float64, right *[mmaColumns][16]float64) {
	number := func(bits uint64) float64 { return float64(math.Float32frombits(uint32(bits << 16))) }
	for lane := range lanes {
		r, k := lane/4, lane%4*2
		for i, at := range a {
			v := w.registers[at][lane]
			to := left[r+i%2*8][k+i/2*8:]
			to[0], to[1] = number(v), number(v>>16)
		}
		for i, at := range b {
			v := w.registers[at][lane]
			to := right[r][k+i*8:]
			to[0], to[1] = number(v), number(v>>16)
		}
	}
}

// tf32Fragments does so for numbers of which only the upper 19 bits count.
func tf32Fragments(w *warp, a, b []row, left *[mmaRows][16]float64, right *[mmaColumns][16]float64) {
	number := func(bits uint64) float64 { return float64(toFloat32(bits &^ (1<<13 - 1))) }
	for lane := range lanes {
		r, k := lane/4, lane%4
		for i, at := range a {
			left[r+i%2*8][k+i/2*4] = number(w.registers[at][lane])
		}
		for i, at := range b {
			right[r][k+i*4] = number(w.registers[at][lane])
		}
	}
}

// dot is the sum of products, four at a time.
func dot(x, y []float64) float64 {
	var total float64
	for ; len(x) >= 4 && len(y) >= 4; x, y = x[4:], y[4:] {
		total += x[0]*y[0] + x[1]*y[1] + (x[2]*y[2] + x[3]*y[3])
	}
	return total
}

// towardsZero rounds to float32 as tensor cores do with a sum.
func towardsZero(v float64) float32 {
	const (
		dropped = 1<<29 - 1  // bits that float32 does not have
		least   = 1023 - 126 // exponent of its normal numbers, as float64 has it
		most    = 1023 + 127
	)
	bits := math.Float64bits(v)
	if exponent := bits >> 52 & 0x7ff; exponent >= least && exponent <= most {
		return float32(math.Float64frombits(bits &^ dropped))
	}
	rounded := float32(v)
	if math.Abs(float64(rounded)) > math.Abs(v) {
		return math.Nextafter32(rounded, 0)
	}
	return rounded
}
