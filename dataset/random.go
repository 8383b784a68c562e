package dataset

import "math/rand/v2"

// Purpose keeps random streams apart that would else share seed, epoch and sample.
type Purpose uint64

// Purposes. Their numbers are part of every result: never change one.
const (
	Splitting     Purpose = 1
	PretrainOrder Purpose = 2
	PretrainView  Purpose = 3
	LinearOrder   Purpose = 4
	FinetuneOrder Purpose = 5
	FinetuneView  Purpose = 6
	Drawing       Purpose = 7
	Exhibiting    Purpose = 8
	AblationOrder Purpose = 9
	AblationView  Purpose = 10

	LinearAugmentedOrder Purpose = 11
	LinearAugmentedView  Purpose = 12
)

// Stream returns the random stream of one view of one sample: a pure function of its arguments, so that an epoch can start
// anywhere, with any number of goroutines, and see the same draws.
func Stream(seed uint64, purpose Purpose, epoch, sample, view int) *rand.Rand {
	key := mix(seed)
	for _, part := range [...]uint64{uint64(purpose), uint64(epoch), uint64(sample), uint64(view)} {
		key = mix(key ^ part)
	}
	return rand.New(rand.NewPCG(key, mix(key)))
}

// Order returns the order in which an epoch visits n samples: a permutation of 0 … n−1.
func Order(seed uint64, purpose Purpose, epoch, n int) []int {
	return Stream(seed, purpose, epoch, 0, 0).Perm(n)
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit of its input.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
