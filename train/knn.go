package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/model"
)

// knnBlock is how many queries are compared with the whole training set at once: enough for a matrix product to pay, few
// enough that 50,000 neighbours need 26 MB.
const knnBlock = 128

// KNN classifies queries [M, dim] by the k nearest training rows [N, dim] in cosine similarity and returns the fraction
// classified as labelled: majority vote, ties to the class with the greater summed similarity, then to the smaller label;
// among equally similar neighbours the one with the smaller index is nearer. The search is exhaustive and the result does
// not depend on the number of goroutines. The similarities are a matrix product on a machine that compile makes. A row of
// zeros has similarity 0 to everything.
//
// It is an error if there are no queries, if k is not within 1 and N (ErrTooFewImages), if shapes or labels don't fit, or if
// ctx ends, which is noticed within a block of queries.
func KNN(
	ctx context.Context, train []float32, trainLabels []uint8, queries []float32, queryLabels []uint8, dim, k, classes int,
	compile engine.Compiler,
) (accuracy float64, err error) {
	return knn(ctx, train, trainLabels, queries, queryLabels, dim, k, classes, compile, false)
}

// KNNLeaveOneOut classifies the first n rows of a set [N, dim] by their k nearest among all its other rows, as KNN does. It
// is the accuracy on the training images themselves, where each would else be its own nearest neighbour.
func KNNLeaveOneOut(
	ctx context.Context, rows []float32, labels []uint8, n, dim, k, classes int, compile engine.Compiler,
) (accuracy float64, err error) {
	if k >= len(labels) {
		return 0, fmt.Errorf("%w: knn.k is %d, but each of the %d training images has only %d others",
			ErrTooFewImages, k, len(labels), len(labels)-1)
	}
	n = min(n, len(labels))
	return knn(ctx, rows, labels, rows[:n*dim], labels[:n], dim, k, classes, compile, true)
}

// knn is KNN; leaveOneOut says that query i is training row i, which must not be its own neighbour.
func knn(
	ctx context.Context, train []float32, trainLabels []uint8, queries []float32, queryLabels []uint8, dim, k, classes int,
	compile engine.Compiler, leaveOneOut bool,
) (accuracy float64, err error) {
	for _, set := range []Labelled{{train, trainLabels, dim}, {queries, queryLabels, dim}} {
		if err := set.check(dim, classes); err != nil {
			return 0, fmt.Errorf("k nearest neighbours: %w", err)
		}
	}
	if len(queryLabels) == 0 {
		return 0, fmt.Errorf("k nearest neighbours: there are no queries")
	}
	if k < 1 || k > len(trainLabels) {
		return 0, fmt.Errorf("%w: knn.k is %d, but must be from 1 to the number of training images, here %d",
			ErrTooFewImages, k, len(trainLabels))
	}
	correct := 0
	err = compare(ctx, train, queries, dim, compile, func(first, last int, similarities []float32) {
		if leaveOneOut {
			for i := first; i < last; i++ {
				similarities[(i-first)*len(trainLabels)+i] = float32(math.Inf(-1))
			}
		}
		correct += countCorrect(similarities, trainLabels, queryLabels[first:last], k, classes)
	})
	if err != nil {
		return 0, fmt.Errorf("k nearest neighbours: %w", err)
	}
	return float64(correct) / float64(len(queryLabels)), nil
}

// compare calls visit for each block of queries [last−first, dim] with their similarities to all training rows
// [last−first, N], which are valid during the call.
func compare(
	ctx context.Context, train, queries []float32, dim int, compile engine.Compiler,
	visit func(first, last int, similarities []float32),
) error {
	n := len(queries) / dim
	c, err := newComparison(train, min(knnBlock, n), dim, compile)
	if err != nil {
		return err
	}
	defer c.machine.Close()
	for first := 0; first < n; first += knnBlock {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := min(first+knnBlock, n)
		similarities, err := c.with(queries[first*dim:last*dim], dim)
		if err != nil {
			return fmt.Errorf("compare queries %d to %d: %w", first, last-1, err)
		}
		visit(first, last, similarities)
	}
	return nil
}

// comparison is a machine that multiplies a block of queries with all neighbours.
type comparison struct {
	machine          engine.Machine
	queries, product *gorgonia.Node
}

// newComparison writes the neighbours [N, dim], at length 1, into a new machine, which the caller closes.
func newComparison(neighbours []float32, block, dim int, compile engine.Compiler) (*comparison, error) {
	g := gorgonia.NewGraph()
	leaf := func(name string, rows int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(rows, dim), gorgonia.WithName(name))
	}
	queries, known := leaf("queries", block), leaf("neighbours", len(neighbours)/dim)
	product, err := gorgonia.ApplyOp(model.MatMul{TransB: true}, queries, known)
	if err != nil {
		return nil, fmt.Errorf("build the matrix product: %w", err)
	}
	machine, err := compile(g, gorgonia.Nodes{product}, nil)
	if err != nil {
		return nil, fmt.Errorf("compile the matrix product: %w", err)
	}
	normalize(machine.Values(known), neighbours, dim)
	return &comparison{machine, queries, product}, nil
}

// with returns the similarities [queries, neighbours] of at most a block of queries, valid until the next call.
func (c *comparison) with(queries []float32, dim int) ([]float32, error) {
	block := c.machine.Values(c.queries)
	normalize(block, queries, dim)
	clear(block[len(queries):])
	if err := c.machine.RunAll(); err != nil {
		return nil, err
	}
	return c.machine.Values(c.product)[:len(queries)/dim*c.product.Shape()[1]], nil
}

// normalize writes the rows at length 1 to the beginning of dst.
func normalize(dst, rows []float32, dim int) {
	for first := 0; first < len(rows); first += dim {
		row := rows[first : first+dim]
		length := math.Sqrt(dot(row, row))
		if length == 0 {
			length = 1
		}
		for i, v := range row {
			dst[first+i] = float32(float64(v) / length)
		}
	}
}

// countCorrect lets the neighbours of each query (a row of similarities) vote.
func countCorrect(similarities []float32, trainLabels, queryLabels []uint8, k, classes int) int {
	members := min(runtime.GOMAXPROCS(0), len(queryLabels))
	counts := make([]int, members)
	var all sync.WaitGroup
	for member := range members {
		all.Go(func() {
			for i := member; i < len(queryLabels); i += members {
				row := similarities[i*len(trainLabels) : (i+1)*len(trainLabels)]
				if vote(row, nearest(row, k), trainLabels, classes) == queryLabels[i] {
					counts[member]++
				}
			}
		})
	}
	all.Wait()
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

// nearest returns the indices of the k largest similarities, nearest first. Most rows are no nearer than the k-th so far
// and cost one comparison.
func nearest(similarities []float32, k int) []int {
	byNearness := func(a, b int) int {
		return cmp.Or(cmp.Compare(similarities[b], similarities[a]), cmp.Compare(a, b))
	}
	best := make([]int, 0, k+1)
	for i, s := range similarities {
		if len(best) == k && s <= similarities[best[k-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, i, byNearness)
		best = slices.Insert(best, at, i)
		best = best[:min(len(best), k)]
	}
	return best
}

// vote is the most frequent class among the neighbours.
func vote(similarities []float32, neighbours []int, labels []uint8, classes int) uint8 {
	votes := make([]int, classes)
	summed := make([]float64, classes)
	for _, i := range neighbours {
		votes[labels[i]]++
		summed[labels[i]] += float64(similarities[i])
	}
	best := 0
	for class := range classes {
		if cmp.Or(cmp.Compare(votes[class], votes[best]), cmp.Compare(summed[class], summed[best])) > 0 {
			best = class
		}
	}
	return uint8(best)
}
