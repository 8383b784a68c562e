package emulator

import (
	"math"
	"slices"
	"strings"
)

// conversion is cvt: [rounding, sat or ftz,] the type to and the type from.
func conversion(rest []string) operation {
	if len(rest) < 2 {
		return operation{}
	}
	to, from := rest[len(rest)-2], rest[len(rest)-1]
	words := rest[:len(rest)-2]
	if strings.HasPrefix(to, "L") {
		return operation{}
	}
	o := operation{bits: bitsOf(from)}
	if bitsOf(to) == 0 {
		return operation{}
	}
	word := strings.Join(words, ".")
	switch {
	case to == "bf16x2" && from == "f32" && word == "rn":
		o.two = func(a, b uint64) uint64 { return toBfloat16(toFloat32(a))<<16 | toBfloat16(toFloat32(b)) }
	case to == "bf16" && from == "f32" && word == "rn":
		o.one = func(a uint64) uint64 { return toBfloat16(toFloat32(a)) }
	case to == "tf32" && from == "f32" && word == "rna":
		o.one = toTF32
	case to[0] == 'f' && from[0] == 'f':
		o.one = betweenFloats(to, from, words)
	case to[0] == 'f' && word == "rn":
		o.one = integerToFloat(to, from)
	case to[0] != 'f' && from[0] == 'f':
		o.one = floatToInteger(to, from, word)
	case to[0] != 'f' && from[0] != 'f' && word == "":
		o.one = betweenIntegers(to, from)
	}
	return o
}

// toBfloat16 rounds to nearest, ties to even.
func toBfloat16(v float32) uint64 {
	if v != v {
		return 0x7fff
	}
	bits := uint64(math.Float32bits(v))
	return (bits + 0x7fff + bits>>16&1) >> 16
}

// toTF32 rounds to 10 bits behind the point, ties away from zero.
func toTF32(v uint64) uint64 {
	switch f := toFloat32(v); {
	case f != f:
		return 0x7fffffff
	case math.IsInf(float64(f), 0):
		return v
	}
	return (v + 1<<12) &^ (1<<13 - 1)
}

func betweenIntegers(to, from string) func(a uint64) uint64 {
	bits, wide := bitsOf(from), bitsOf(to)
	if from[0] == 's' {
		return func(a uint64) uint64 { return truncate(uint64(signed(a, bits)), wide) }
	}
	return func(a uint64) uint64 { return truncate(truncate(a, bits), wide) }
}

func integerToFloat(to, from string) func(a uint64) uint64 {
	bits, sign := bitsOf(from), from[0] == 's'
	if to == "f32" {
		return func(a uint64) uint64 {
			if sign {
				return ofFloat32(float32(signed(a, bits)))
			}
			return ofFloat32(float32(truncate(a, bits)))
		}
	}
	return func(a uint64) uint64 {
		if sign {
			return ofFloat64(float64(signed(a, bits)))
		}
		return ofFloat64(float64(truncate(a, bits)))
	}
}

// toWhole are the roundings of floats to whole numbers.
var toWhole = map[string]func(float64) float64{"rni": math.RoundToEven, "rzi": math.Trunc, "rmi": math.Floor, "rpi": math.Ceil}

func fromFloat(from string) func(a uint64) float64 {
	if from == "f32" {
		return func(a uint64) float64 { return float64(toFloat32(a)) }
	}
	return toFloat64
}

// floatToInteger takes the nearest number that there is; NaN becomes 0, and of 64 bits the lowest or the highest number.
func floatToInteger(to, from, word string) func(a uint64) uint64 {
	round, value, bits := toWhole[word], fromFloat(from), bitsOf(to)
	if round == nil {
		return nil
	}
	low, high := 0.0, math.Ldexp(1, bits)
	if to[0] == 's' {
		low, high = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
	}
	return func(a uint64) uint64 {
		switch v := round(value(a)); {
		case v != v && bits == 64:
			return 1 << 63
		case v != v:
			return 0
		case v <= low:
			return truncate(uint64(int64(low)), bits)
		case v >= high:
			return truncate(^uint64(0)>>(64-bits)>>b2i(low < 0), bits)
		case low < 0:
			return truncate(uint64(int64(v)), bits)
		default:
			return uint64(v)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// betweenFloats are conversions between floats, and to whole ones of the same type.
func betweenFloats(to, from string, words []string) func(a uint64) uint64 {
	value := fromFloat(from)
	round := func(v float64) float64 { return v }
	sat := slices.Contains(words, "sat")
	for _, word := range words {
		switch {
		case word == "sat" || word == "rn" && to == "f32" && from == "f64":
		case toWhole[word] != nil && to == from:
			round = toWhole[word]
		default:
			return nil
		}
	}
	if to == "f32" && from == "f64" && !slices.Contains(words, "rn") {
		return nil
	}
	return func(a uint64) uint64 {
		v := round(value(a))
		if sat && !(v > 0) {
			v = 0
		}
		if sat && v > 1 {
			v = 1
		}
		if to == "f32" {
			return ofFloat32(float32(v))
		}
		return ofFloat64(v)
	}
}
