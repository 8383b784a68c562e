package train

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cpu"
)

// bruteForceKNN sorts all neighbours of each query, in float64.
func bruteForceKNN(train [][]float64, labels []uint8, query []float64, k int) uint8 {
	cosine := func(a, b []float64) float64 {
		var ab, aa, bb float64
		for i := range a {
			ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
		}
		return ab / math.Sqrt(aa*bb)
	}
	order := make([]int, len(train))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return cosine(train[order[i]], query) > cosine(train[order[j]], query) })
	votes, sums := map[uint8]int{}, map[uint8]float64{}
	for _, i := range order[:k] {
		votes[labels[i]]++
		sums[labels[i]] += cosine(train[i], query)
	}
	var best uint8
	for class := range uint8(255) {
		if votes[class] > votes[best] || votes[class] == votes[best] && sums[class] > sums[best] {
			best = class
		}
	}
	return best
}

func randomRows(r *rand.Rand, n, dim, classes int) ([]float32, [][]float64, []uint8) {
	var flat []float32
	var rows [][]float64
	var labels []uint8
	for range n {
		label := r.IntN(classes)
		row := make([]float64, dim)
		for i := range row {
			v := float32(r.NormFloat64())
			if i == label {
				v += 0.5 // a weak signal: some votes are right, some wrong, some tied
			}
			row[i] = float64(v)
			flat = append(flat, v)
		}
		rows, labels = append(rows, row), append(labels, uint8(label))
	}
	return flat, rows, labels
}

func TestKNNMatchesBruteForce(t *testing.T) {
	const dim, classes = 12, 5
	r := rand.New(rand.NewPCG(1, 2))
	train, trainRows, trainLabels := randomRows(r, 331, dim, classes)
	queries, queryRows, _ := randomRows(r, 150, dim, classes) // more than one block
	for _, k := range []int{1, 4, 20, 331} {
		want := make([]uint8, len(queryRows))
		for i, q := range queryRows {
			want[i] = bruteForceKNN(trainRows, trainLabels, q, k)
		}
		accuracy, err := KNN(t.Context(), train, trainLabels, queries, want, dim, k, classes, onCPU.Compile)
		require.NoError(t, err)
		require.Equal(t, 1.0, accuracy, "k = %d", k)
	}
}

func TestKNNDoesNotDependOnThreads(t *testing.T) {
	const dim, classes = 12, 5
	r := rand.New(rand.NewPCG(3, 4))
	train, _, trainLabels := randomRows(r, 300, dim, classes)
	queries, _, queryLabels := randomRows(r, 200, dim, classes)
	accuracy := func(procs int) float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		a, err := KNN(t.Context(), train, trainLabels, queries, queryLabels, dim, 7, classes, onCPU.Compile)
		require.NoError(t, err)
		return a
	}
	one := accuracy(1)
	require.Equal(t, one, accuracy(4))
	require.Greater(t, one, 0.2, "above chance")
	require.Less(t, one, 1.0)
}

func TestKNNTiesGoToTheMoreSimilarClass(t *testing.T) {
	// Two votes each for the classes 0 and 1; those of class 1 are nearer.
	train := []float32{1, 0.5, 1, 0.4, 1, 0.1, 1, 0.2}
	accuracy, err := KNN(t.Context(), train, []uint8{0, 0, 1, 1}, []float32{2, 0}, []uint8{1}, 2, 4, 2, onCPU.Compile)
	require.NoError(t, err)
	require.Equal(t, 1.0, accuracy)
}

func TestKNNEqualNeighboursByIndex(t *testing.T) {
	require.Equal(t, []int{2, 0, 1}, nearest([]float32{0.5, 0.5, 0.9, 0.5}, 3))
}

func TestKNNRefusesBadInput(t *testing.T) {
	rows, labels := []float32{1, 0, 0, 1}, []uint8{0, 1}
	for name, test := range map[string]struct {
		run  func() (float64, error)
		want string
	}{
		"k too large": {func() (float64, error) { return KNN(t.Context(), rows, labels, rows, labels, 2, 3, 2, onCPU.Compile) }, "knn.k is 3"},
		"k zero":      {func() (float64, error) { return KNN(t.Context(), rows, labels, rows, labels, 2, 0, 2, onCPU.Compile) }, "knn.k is 0"},
		"label":       {func() (float64, error) { return KNN(t.Context(), rows, labels, rows, labels, 2, 1, 1, onCPU.Compile) }, "label 1 of image 1"},
		"shape":       {func() (float64, error) { return KNN(t.Context(), rows, labels, rows, labels, 3, 1, 2, onCPU.Compile) }, "dimension 3"},
		"no queries":  {func() (float64, error) { return KNN(t.Context(), rows, labels, nil, nil, 2, 1, 2, onCPU.Compile) }, "no queries"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.run()
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestKNNLeaveOneOut compares with KNN on the other rows, one query at a time.
func TestKNNLeaveOneOut(t *testing.T) {
	const dim, k, classes, n = 3, 4, 3, 40
	r := rand.New(rand.NewPCG(3, 4))
	rows, labels := make([]float32, n*dim), make([]uint8, n)
	for i := range rows {
		rows[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = uint8(r.IntN(classes))
	}
	var want float64
	const asked = 25
	for i := range asked {
		others := append(append([]float32(nil), rows[:i*dim]...), rows[(i+1)*dim:]...)
		otherLabels := append(append([]uint8(nil), labels[:i]...), labels[i+1:]...)
		right, err := KNN(t.Context(), others, otherLabels, rows[i*dim:(i+1)*dim], labels[i:i+1], dim, k, classes, onCPU.Compile)
		require.NoError(t, err)
		want += right / asked
	}
	got, err := KNNLeaveOneOut(t.Context(), rows, labels, asked, dim, k, classes, onCPU.Compile)
	require.NoError(t, err)
	require.InDelta(t, want, got, 1e-12)

	_, err = KNNLeaveOneOut(t.Context(), rows, labels, asked, dim, n, classes, onCPU.Compile)
	require.ErrorIs(t, err, ErrTooFewImages)
}

func TestKNNStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := KNN(ctx, []float32{1, 0}, []uint8{0}, []float32{1, 0}, []uint8{0}, 2, 1, 2, onCPU.Compile)
	require.ErrorIs(t, err, context.Canceled)
}

// BenchmarkKNN is 512 of the queries of CIFAR-10's validation split against all of its training images.
func BenchmarkKNN(b *testing.B) {
	const neighbours, queries, dim = 50_000, 512, 512
	r := rand.New(rand.NewPCG(3, 4))
	normal := func(n int) ([]float32, []uint8) {
		rows := make([]float32, n*dim)
		for i := range rows {
			rows[i] = float32(r.NormFloat64())
		}
		labels := make([]uint8, n)
		for i := range labels {
			labels[i] = uint8(r.IntN(10))
		}
		return rows, labels
	}
	known, knownLabels := normal(neighbours)
	asked, askedLabels := normal(queries)
	for b.Loop() {
		_, err := KNN(b.Context(), known, knownLabels, asked, askedLabels, dim, 200, 10, cpu.Compile)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)*queries/b.Elapsed().Seconds(), "queries/s")
}
