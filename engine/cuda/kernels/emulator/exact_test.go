package emulator_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// newRandom draws its numbers from a new seed each time, and logs it.
func newRandom(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// exactly is a×b + c as float32's bits, rounded to nearest and down.
func exactly(v [3]float64) (near, down uint64) {
	number := func(x float64) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(x) }
	sum := number(v[0])
	sum.Mul(sum, number(v[1])).Add(sum, number(v[2]))
	nearest, _ := sum.Float32()
	lower := nearest
	if number(float64(nearest)).Cmp(sum) > 0 {
		lower = math.Nextafter32(nearest, float32(math.Inf(-1)))
	}
	return uint64(math.Float32bits(nearest)), uint64(math.Float32bits(lower))
}
