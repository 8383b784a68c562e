package emulator

import (
	"math"
	"strings"
)

func toFloat32(v uint64) float32 { return math.Float32frombits(uint32(v)) }

// ofFloat32 is a float's bits; of NaN those that arithmetic of floats of 32 bits gives.
func ofFloat32(v float32) uint64 {
	if v != v {
		return 0x7fffffff
	}
	return uint64(math.Float32bits(v))
}

func toFloat64(v uint64) float64 { return math.Float64frombits(v) }
func ofFloat64(v float64) uint64 { return math.Float64bits(v) }

// float32s are the operations on float32, rounded to nearest where words say nothing else.
func float32s(head string, words []string) operation {
	word := strings.Join(words, ".")
	binary := func(f func(a, b float32) float32) operation {
		return operation{two: func(a, b uint64) uint64 { return ofFloat32(f(toFloat32(a), toFloat32(b))) }}
	}
	unary := func(f func(a float32) float32) operation {
		return operation{one: func(a uint64) uint64 { return ofFloat32(f(toFloat32(a))) }}
	}
	rounded := word == "" || word == "rn"
	switch {
	case head == "add" && rounded:
		return binary(func(a, b float32) float32 { return a + b })
	case head == "sub" && rounded:
		return binary(func(a, b float32) float32 { return a - b })
	case head == "mul" && rounded:
		return binary(func(a, b float32) float32 { return a * b })
	case head == "div" && word == "rn":
		return binary(func(a, b float32) float32 { return a / b })
	case head == "fma" && word == "rn":
		return operation{three: func(a, b, c uint64) uint64 {
			return ofFloat32(float32(sum(toFloat32(a), toFloat32(b), toFloat32(c))))
		}}
	case head == "fma" && word == "rm":
		return operation{three: func(a, b, c uint64) uint64 { return ofFloat32(fmaDown(toFloat32(a), toFloat32(b), toFloat32(c))) }}
	case head == "rcp" && word == "rn":
		return unary(func(a float32) float32 { return 1 / a })
	case head == "sqrt" && word == "rn":
		return unary(func(a float32) float32 { return float32(math.Sqrt(float64(a))) })
	case head == "ex2" && word == "approx.ftz":
		return unary(func(a float32) float32 { return flush(float32(math.Exp2(float64(flush(a))))) })
	case head == "min" && word == "":
		return binary(minimum32)
	case head == "max" && word == "":
		return binary(func(a, b float32) float32 { return -minimum32(-a, -b) })
	case head == "abs" && word == "":
		return operation{one: func(a uint64) uint64 { return a &^ (1 << 31) }}
	case head == "neg" && word == "":
		return operation{one: func(a uint64) uint64 { return a ^ 1<<31 }}
	}
	return operation{}
}

// sum is a×b + c, rounded to odd: the result of rounding it further is that of rounding once.
func sum(a, b, c float32) float64 {
	product, addend := float64(a)*float64(b), float64(c) // the product is exact
	s := product + addend
	// What was rounded off, exactly (Knuth).
	part := s - product
	lost := (product - (s - part)) + (addend - part)
	if lost == 0 || lost != lost || math.IsInf(s, 0) {
		return s
	}
	// An even number goes to the next one on the side of what was lost, without a branch that would be guessed wrong half of the time.
	bits := math.Float64bits(s)
	away := 1 - 2*((bits^math.Float64bits(lost))>>63)
	return math.Float64frombits(bits + away*(1-bits&1))
}

// fmaDown is a×b + c, rounded towards minus infinity.
func fmaDown(a, b, c float32) float32 {
	exact := sum(a, b, c)
	if product := float64(a) * float64(b); exact == 0 && (math.Signbit(product) || math.Signbit(float64(c))) {
		return float32(math.Copysign(0, -1))
	}
	rounded := float32(exact)
	if float64(rounded) > exact {
		rounded = math.Nextafter32(rounded, float32(math.Inf(-1)))
	}
	return rounded
}

// flush makes zeros of subnormal numbers.
func flush(v float32) float32 {
	if abs := math.Abs(float64(v)); abs != 0 && abs < 0x1p-126 {
		return float32(math.Copysign(0, float64(v)))
	}
	return v
}

// minimum32 is the other number where one is NaN; -0 is less than 0.
func minimum32(a, b float32) float32 { return float32(minimum64(float64(a), float64(b))) }

func minimum64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

// float64s are the operations on float64.
func float64s(head string, words []string) operation {
	word := strings.Join(words, ".")
	binary := func(f func(a, b float64) float64) operation {
		return operation{two: func(a, b uint64) uint64 { return ofFloat64(f(toFloat64(a), toFloat64(b))) }}
	}
	unary := func(f func(a float64) float64) operation {
		return operation{one: func(a uint64) uint64 { return ofFloat64(f(toFloat64(a))) }}
	}
	rounded := word == "" || word == "rn"
	switch {
	case head == "add" && rounded:
		return binary(func(a, b float64) float64 { return a + b })
	case head == "sub" && rounded:
		return binary(func(a, b float64) float64 { return a - b })
	case head == "mul" && rounded:
		return binary(func(a, b float64) float64 { return a * b })
	case head == "div" && word == "rn":
		return binary(func(a, b float64) float64 { return a / b })
	case head == "fma" && word == "rn":
		return operation{three: func(a, b, c uint64) uint64 {
			return ofFloat64(math.FMA(toFloat64(a), toFloat64(b), toFloat64(c)))
		}}
	case head == "rcp" && word == "rn":
		return unary(func(a float64) float64 { return 1 / a })
	case head == "rcp" && word == "approx.ftz":
		return operation{one: func(a uint64) uint64 { return ofFloat64(flush64(1/flush64(toFloat64(a)))) >> 32 << 32 }}
	case head == "sqrt" && word == "rn":
		return unary(math.Sqrt)
	case head == "min" && word == "":
		return binary(minimum64)
	case head == "max" && word == "":
		return binary(func(a, b float64) float64 { return -minimum64(-a, -b) })
	case head == "abs" && word == "":
		return operation{one: func(a uint64) uint64 { return a &^ (1 << 63) }}
	case head == "neg" && word == "":
		return operation{one: func(a uint64) uint64 { return a ^ 1<<63 }}
	}
	return operation{}
}

func flush64(v float64) float64 {
	if abs := math.Abs(v); abs != 0 && abs < 0x1p-1022 {
		return math.Copysign(0, v)
	}
	return v
}
