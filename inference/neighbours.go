package inference

import (
	"context"
	"fmt"
	"slices"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/engine"
	"twinview/train"
)

// Embeddings are what an encoder makes of the training images, as an experiment publishes them.
type Embeddings struct{ known train.Labelled }

// ReadEmbeddings takes the tensors of embeddings/train.safetensors, "features" [N, D] and "labels" [N], and keeps them.
func ReadEmbeddings(tensors []checkpoint.Tensor) (Embeddings, error) {
	var e Embeddings
	for _, t := range tensors {
		switch {
		case t.Name == "features" && len(t.Shape) == 2 && t.Data != nil:
			e.known.Features, e.known.Dim = t.Data, t.Shape[1]
		case t.Name == "labels" && len(t.Shape) == 1:
			for _, label := range t.Int64s {
				if label < 0 || label > 255 {
					return e, fmt.Errorf("read embeddings: label %d is none: labels are 0 to 255", label)
				}
				e.known.Labels = append(e.known.Labels, uint8(label))
			}
		}
	}
	if n := len(e.known.Labels); n == 0 || len(e.known.Features) != n*e.known.Dim {
		return e, fmt.Errorf("read embeddings: %d features of size %d and %d labels: want \"features\" [N, D] and \"labels\" [N]",
			len(e.known.Features), e.known.Dim, n)
	}
	return e, nil
}

// Classes is the number of classes that the labels speak of at least.
func (e Embeddings) Classes() int { return int(slices.Max(e.known.Labels)) + 1 }

// Neighbours looks up the k training images whose representations have the greatest cosine similarity to each image's, and the
// class that they vote for. What the images' labels are does not matter. k is from 1 to the number of training images.
func (m *Model) Neighbours(ctx context.Context, images dataset.Images, e Embeddings, k int) ([]train.Neighbourhood, error) {
	features, err := m.Embed(ctx, images)
	if err != nil {
		return nil, err
	}
	asked := train.Labelled{Features: features, Labels: make([]uint8, images.Len()), Dim: len(features) / images.Len()}
	return train.Neighbours(ctx, e.known, asked, k, e.Classes(), engine.Reference)
}
