package train

import (
	"context"
	"fmt"

	"twinview/engine"
)

// Neighbour is a training row, its label and its cosine similarity to a query.
type Neighbour struct {
	Index      int
	Label      int
	Similarity float64
}

// Neighbourhood is what k nearest neighbours say of a query.
type Neighbourhood struct {
	// Nearest are the k neighbours, nearest first.
	Nearest []Neighbour
	// Predicted is the class that they vote for.
	Predicted uint8
}

// Neighbours looks up the k nearest training rows of each query, with the similarity, the order and the vote of KNN. It is
// an error if k is not within 1 and the number of training rows (ErrTooFewImages), if shapes or labels don't fit, or if ctx
// ends.
func Neighbours(
	ctx context.Context, train, queries Labelled, k, classes int, compile engine.Compiler,
) ([]Neighbourhood, error) {
	for _, set := range []Labelled{train, queries} {
		if err := set.check(train.Dim, classes); err != nil {
			return nil, fmt.Errorf("look up neighbours: %w", err)
		}
	}
	n := len(train.Labels)
	if k < 1 || k > n {
		return nil, fmt.Errorf("%w: knn.k is %d, but must be from 1 to the number of training images, here %d",
			ErrTooFewImages, k, n)
	}
	var found []Neighbourhood
	err := compare(ctx, train.Features, queries.Features, train.Dim, compile, func(first, last int, similarities []float32) {
		for i := range last - first {
			row := similarities[i*n : (i+1)*n]
			indices := nearest(row, k)
			hood := Neighbourhood{Predicted: vote(row, indices, train.Labels, classes)}
			for _, j := range indices {
				hood.Nearest = append(hood.Nearest, Neighbour{j, int(train.Labels[j]), float64(row[j])})
			}
			found = append(found, hood)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("look up neighbours: %w", err)
	}
	return found, nil
}
