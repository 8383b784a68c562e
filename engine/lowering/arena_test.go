package lowering

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArenaNeverOverlaps takes and gives places at random: no two that are held at once may overlap, and after the last
// is given back the whole arena must be one hole.
func TestArenaNeverOverlaps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a := Arena{Alignment: 16}
	type place struct{ from, size int }
	var held []place
	for range 5000 {
		if len(held) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(held))
			a.Give(held[i].from, held[i].size)
			held = append(held[:i], held[i+1:]...)
			continue
		}
		p := place{size: 1 + r.IntN(500)}
		p.from = a.Take(p.size)
		require.Zero(t, p.from%a.Alignment)
		for _, other := range held {
			apart := p.from+a.padded(p.size) <= other.from || other.from+a.padded(other.size) <= p.from
			require.True(t, apart, "%v overlaps %v", p, other)
		}
		held = append(held, p)
	}
	for _, p := range held {
		a.Give(p.from, p.size)
	}
	require.Equal(t, []hole{{0, a.Size()}}, a.holes)
}

func TestArenaReusesMemory(t *testing.T) {
	a := Arena{Alignment: 16}
	for range 100 {
		from := a.Take(1000)
		a.Give(from, 1000)
	}
	require.Equal(t, a.padded(1000), a.Size())
}
