package checkpoint

import (
	"encoding/binary"
	"math"
)

// element is a type of elements in a file, little-endian there. Floating-point ones become float32 in a Tensor.
type element struct {
	size int
	// float decodes one element; nil for int64.
	float func([]byte) float32
}

var (
	float64Element = element{8, func(b []byte) float32 {
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}}
	float32Element = element{4, func(b []byte) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}}
	float16Element  = element{2, func(b []byte) float32 { return fromFloat16(binary.LittleEndian.Uint16(b)) }}
	bfloat16Element = element{2, func(b []byte) float32 {
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}}
	int64Element = element{size: 8}
)

// fromFloat16 widens an IEEE 754 half: 1 sign, 5 exponent and 10 fraction bits. Every half is a float32.
func fromFloat16(half uint16) float32 {
	sign, exponent, fraction := uint32(half>>15)<<31, int(half>>10&0x1f), uint32(half&0x3ff)
	switch exponent {
	case 0x1f: // infinite or not a number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	case 0: // below the smallest normal half
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	}
	return math.Float32frombits(sign | uint32(exponent+127-15)<<23 | fraction<<13)
}

// empty gives t no elements of the type, with room for n.
func (e element) empty(t *Tensor, n int) {
	if e.float == nil {
		t.Int64s = make([]int64, 0, n)
	} else {
		t.Data = make([]float32, 0, n)
	}
}

// appendTo decodes whole elements behind those of t.
func (e element) appendTo(t *Tensor, bytes []byte) {
	for ; len(bytes) > 0; bytes = bytes[e.size:] {
		if e.float == nil {
			t.Int64s = append(t.Int64s, int64(binary.LittleEndian.Uint64(bytes)))
		} else {
			t.Data = append(t.Data, e.float(bytes))
		}
	}
}
