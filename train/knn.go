package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// knnBlock is how many queries are compared with the whole training set at once: enough for a matrix product to pay, few
// enough that 50,000 neighbours need 26 MB.
const knnBlock = 128

// KNN classifies queries [M, dim] by the k nearest training rows [N, dim] in cosine similarity and returns the fraction
// classified as labelled: majority vote, ties to the class with the greater summed similarity, then to the smaller label;
// among equally similar neighbours the one with the smaller index is nearer. The search is exhaustive and the result does
// not depend on the number of threads. A row of zeros has similarity 0 to everything.
//
// It is an error if there are no queries, if k is not within 1 and N (ErrTooFewImages), if shapes or labels don't fit, or if
// ctx ends, which is noticed within a block of queries.
func KNN(
	ctx context.Context, train []float32, trainLabels []uint8, queries []float32, queryLabels []uint8, dim, k, classes int,
) (accuracy float64, err error) {
	return knn(ctx, train, trainLabels, queries, queryLabels, dim, k, classes, false)
}

// KNNLeaveOneOut classifies the first n rows of a set [N, dim] by their k nearest among all its other rows, as KNN does. It
// is the accuracy on the training images themselves, where each would else be its own nearest neighbour.
func KNNLeaveOneOut(
	ctx context.Context, rows []float32, labels []uint8, n, dim, k, classes int,
) (accuracy float64, err error) {
	if k >= len(labels) {
		return 0, fmt.Errorf("%w: knn.k is %d, but each of the %d training images has only %d others",
			ErrTooFewImages, k, len(labels), len(labels)-1)
	}
	n = min(n, len(labels))
	return knn(ctx, rows, labels, rows[:n*dim], labels[:n], dim, k, classes, true)
}

// knn is KNN; leaveOneOut says that query i is training row i, which must not be its own neighbour.
func knn(
	ctx context.Context, train []float32, trainLabels []uint8, queries []float32, queryLabels []uint8, dim, k, classes int,
	leaveOneOut bool,
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
	neighbours := matrix(normalized(train, dim), dim)
	points := normalized(queries, dim)
	correct := 0
	for first := 0; first < len(queryLabels); first += knnBlock {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("k nearest neighbours: %w", err)
		}
		last := min(first+knnBlock, len(queryLabels))
		similarities := blas32.General{
			Rows: last - first, Cols: neighbours.Rows, Stride: neighbours.Rows,
			Data: make([]float32, (last-first)*neighbours.Rows),
		}
		block := matrix(points[first*dim:last*dim], dim)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, block, neighbours, 0, similarities)
		if leaveOneOut {
			for i := first; i < last; i++ {
				similarities.Data[(i-first)*similarities.Stride+i] = float32(math.Inf(-1))
			}
		}
		correct += countCorrect(similarities, trainLabels, queryLabels[first:last], k, classes)
	}
	return float64(correct) / float64(len(queryLabels)), nil
}

func matrix(rows []float32, dim int) blas32.General {
	return blas32.General{Rows: len(rows) / dim, Cols: dim, Stride: dim, Data: rows}
}

// normalized returns a copy whose rows have length 1.
func normalized(rows []float32, dim int) []float32 {
	out := make([]float32, len(rows))
	for first := 0; first < len(rows); first += dim {
		row := rows[first : first+dim]
		norm := math.Sqrt(dot(row, row))
		if norm == 0 {
			continue
		}
		for i, v := range row {
			out[first+i] = float32(float64(v) / norm)
		}
	}
	return out
}

// countCorrect lets the neighbours of each query (a row of similarities) vote.
func countCorrect(similarities blas32.General, trainLabels, queryLabels []uint8, k, classes int) int {
	members := min(runtime.GOMAXPROCS(0), len(queryLabels))
	counts := make([]int, members)
	var all sync.WaitGroup
	for member := range members {
		all.Go(func() {
			for i := member; i < len(queryLabels); i += members {
				row := similarities.Data[i*similarities.Stride:][:similarities.Cols]
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
