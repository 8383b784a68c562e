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
