package emulator

import "strings"

// comparison is setp of two numbers, without another predicate.
func comparison(rest []string) operation {
	if len(rest) != 2 {
		return operation{}
	}
	word, kind := rest[0], rest[1]
	bits := bitsOf(kind)
	o := operation{bits: bits}
	switch {
	case kind[0] == 'f':
		o.two = compareFloats(word, kind)
	case bits > 1:
		o.two = compareIntegers(word, kind[0] == 's', bits)
	}
	return o
}

// outcomes are the results of a comparison that a word is true for: less, equal, greater.
var outcomes = map[string][3]bool{
	"lt": {true, false, false}, "le": {true, true, false}, "eq": {false, true, false},
	"ge": {false, true, true}, "gt": {false, false, true}, "ne": {true, false, true},
	"num": {true, true, true}, "nan": {false, false, false},
	"lo": {true, false, false}, "ls": {true, true, false}, "hi": {false, false, true}, "hs": {false, true, true},
}

func compareIntegers(word string, sign bool, bits int) func(a, b uint64) uint64 {
	true3, ok := outcomes[word]
	if !ok || word[0] == 'n' && word != "ne" {
		return nil
	}
	return func(a, b uint64) uint64 {
		if sign {
			return outcome(true3, signed(a, bits) < signed(b, bits), a == b)
		}
		return outcome(true3, a < b, a == b)
	}
}

// compareFloats is false of NaN, and true where the word ends with a u: ltu, neu and so on.
func compareFloats(word, kind string) func(a, b uint64) uint64 {
	ordered, unordered := strings.CutSuffix(word, "u")
	true3, ok := outcomes[ordered]
	if !ok {
		return nil
	}
	unordered = unordered || word == "nan"
	value := fromFloat(kind)
	return func(a, b uint64) uint64 {
		x, y := value(a), value(b)
		if x != x || y != y {
			return uint64(b2i(unordered))
		}
		return outcome(true3, x < y, x == y)
	}
}

func outcome(true3 [3]bool, less, equal bool) uint64 {
	switch {
	case less:
		return uint64(b2i(true3[0]))
	case equal:
		return uint64(b2i(true3[1]))
	}
	return uint64(b2i(true3[2]))
}
