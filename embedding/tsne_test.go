package embedding

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// clusters are n rows around the given number of directions in 16 dimensions, one after the other.
func clusters(n, directions int) []float32 {
	const dim = 16
	r := rand.New(rand.NewPCG(4, 2))
	rows := make([]float32, n*dim)
	for i := range rows {
		rows[i] = float32(0.3 * r.NormFloat64())
	}
	for i := range n {
		rows[i*dim+i%directions] += 3
	}
	return rows
}

func distance(a, b [2]float64) float64 { return math.Hypot(a[0]-b[0], a[1]-b[1]) }

func TestTSNEKeepsClustersApart(t *testing.T) {
	const n, directions = 120, 4
	y, err := TSNE(t.Context(), clusters(n, directions), 16, nil)
	require.NoError(t, err)
	require.Len(t, y, n)
	for i := range y {
		nearest := -1
		for j := range y {
			if j != i && (nearest < 0 || distance(y[i], y[j]) < distance(y[i], y[nearest])) {
				nearest = j
			}
		}
		require.Equal(t, i%directions, nearest%directions, "point %d lies nearest to %d", i, nearest)
	}
}

func TestTSNEDoesNotDependOnThreads(t *testing.T) {
	rows := clusters(40, 3)
	layout := func(procs int) [][2]float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		y, err := TSNE(t.Context(), rows, 16, nil)
		require.NoError(t, err)
		return y
	}
	require.Equal(t, layout(1), layout(3))
}

// Each row of the conditional probabilities has the entropy that the perplexity asks for; together they sum up to 1.
func TestAffinities(t *testing.T) {
	x := unit(clusters(50, 5), 50, 16)
	near := affinities(x)
	var sum float64
	for i, row := range near {
		require.Zero(t, row[i])
		for j, p := range row {
			require.Equal(t, near[j][i], p)
			sum += p
		}
	}
	require.InDelta(t, 1, sum, 1e-9)

	distances := make([]float64, 50)
	for i := range distances {
		distances[i] = float64(i * i)
	}
	var entropy float64
	for _, p := range neighbourhood(distances, 7, math.Log(10)) {
		if p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	require.InDelta(t, 10, math.Exp(entropy), 1e-3)
}

// The descent must go along the gradient of the divergence of Kullback and Leibler between affinities and layout.
func TestStepFollowsTheGradient(t *testing.T) {
	const n = 12
	near := affinities(unit(clusters(n, 3), n, 16))
	r := rand.New(rand.NewPCG(1, 1))
	y := make([][2]float64, n)
	for i := range y {
		y[i] = [2]float64{r.NormFloat64(), r.NormFloat64()}
	}
	divergence := func() (sum float64) {
		var total float64
		q := func(i, j int) float64 { d := distance(y[i], y[j]); return 1 / (1 + d*d) }
		for i := range n {
			for j := range n {
				if i != j {
					total += q(i, j)
				}
			}
		}
		for i := range n {
			for j := range n {
				if i != j && near[i][j] > 0 {
					sum += near[i][j] * math.Log(near[i][j]*total/q(i, j))
				}
			}
		}
		return sum
	}
	const h = 1e-5
	want := make([][2]float64, n)
	for i := range n {
		for c := range 2 {
			y[i][c] += h
			above := divergence()
			y[i][c] -= 2 * h
			want[i][c] = (above - divergence()) / (2 * h)
			y[i][c] += h
		}
	}
	// From rest, the gains shrink to 0.8 and a step is −rate · gain · gradient.
	d := descent{near: near, y: y, rate: 1, gradient: make([][2]float64, n), velocity: make([][2]float64, n),
		gains: make([][2]float64, n)}
	for i := range d.gains {
		d.gains[i] = [2]float64{1, 1}
	}
	d.step(1, 0)
	for i := range n {
		for c := range 2 {
			require.InDelta(t, -0.8*want[i][c], d.velocity[i][c], 1e-7)
		}
	}
}

func TestTSNERefuses(t *testing.T) {
	_, err := TSNE(t.Context(), make([]float32, 6), 2, nil)
	require.ErrorContains(t, err, "at least 4 rows")
	rows := clusters(10, 2)
	rows[3] = float32(math.NaN())
	_, err = TSNE(t.Context(), rows, 16, nil)
	require.Error(t, err)
	ended, end := context.WithCancel(t.Context())
	_, err = TSNE(ended, clusters(10, 2), 16, func(iteration int) {
		if iteration == 3 {
			end()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
}

// Rows that are all the same, or fewer dimensions than principal components need, still have a layout.
func TestTSNEOfDegenerateRows(t *testing.T) {
	same := make([]float32, 8*4)
	for i := range same {
		same[i] = 1
	}
	y, err := TSNE(t.Context(), same, 4, nil)
	require.NoError(t, err)
	require.Len(t, y, 8)
	_, err = TSNE(t.Context(), clusters(5, 2), 16, nil)
	require.NoError(t, err, "fewer rows than dimensions")
}
