package train

import (
	"context"
	"fmt"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// Features returns the encoder's outputs [N, 8·Width] for images as they are, normalised as the first view of pretraining
// (augment.first_view.normalize). It reads s and changes nothing in it: batch norm uses the running statistics. The
// context's error comes at most one batch after it is done.
func Features(
	ctx context.Context, spec *experiment.Spec, images dataset.Images, s *State, o Options,
) ([]float32, error) {
	if images.Len() == 0 {
		return nil, nil
	}
	sizes, err := inferenceOptions(spec, images)
	if err != nil {
		return nil, err
	}
	network, err := model.NewEncoder(spec.Encoder, sizes)
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	f := inference{
		network: network, output: network.Features, batchSize: sizes.Batch, normalize: spec.Augment.FirstView.Normalize,
	}
	return f.run(ctx, images, s, o)
}

// LabelledFeatures pairs Features with the images' labels.
func LabelledFeatures(ctx context.Context, spec *experiment.Spec, images dataset.Images, s *State, o Options) (Labelled, error) {
	features, err := Features(ctx, spec, images, s, o)
	if err != nil {
		return Labelled{}, fmt.Errorf("compute features: %w", err)
	}
	return Labelled{Features: features, Labels: images.Labels, Dim: len(features) / max(1, images.Len())}, nil
}

// EncoderKNN is the accuracy of KNN on the encoder's outputs for queries, among those for other images.
func EncoderKNN(
	ctx context.Context, spec *experiment.Spec, neighbours, queries dataset.Images, s *State, classes int, o Options,
) (accuracy float64, err error) {
	known, err := LabelledFeatures(ctx, spec, neighbours, s, o)
	if err != nil {
		return 0, err
	}
	asked, err := LabelledFeatures(ctx, spec, queries, s, o)
	if err != nil {
		return 0, err
	}
	return KNN(ctx, known.Features, known.Labels, asked.Features, asked.Labels, known.Dim, spec.KNN.K, classes, o.Compile)
}
