package activities

import (
	"bytes"
	"context"
	"fmt"

	"twinview/checkpoint"
	"twinview/experiment"
	"twinview/layout"
	"twinview/train"
)

// embed publishes the selected encoder's outputs for the training images, in the order of the training split, so that people
// can look for neighbours of their own images without computing them again: as safetensors, "features" [N, D] of float32 and
// "labels" [N] of int64.
func (a *Activities) embed(ctx context.Context, in *experiment.EvaluateTestInput, known train.Labelled) (*experiment.Artifact, error) {
	labels := make([]int64, len(known.Labels))
	for i, label := range known.Labels {
		labels[i] = int64(label)
	}
	var data bytes.Buffer
	err := checkpoint.WriteSafetensors(&data, []checkpoint.Tensor{
		{Name: "features", Shape: []int{len(labels), known.Dim}, Data: known.Features},
		{Name: "labels", Shape: []int{len(labels)}, Int64s: labels},
	}, map[string]string{"checkpoint": in.Best.Checkpoint.SHA256})
	if err != nil {
		return nil, fmt.Errorf("write the embeddings: %w", err)
	}
	stored, err := put(ctx, a.Store, key(in.Spec.Name, layout.Embeddings, "train.safetensors"), data.Bytes(), typeBinary)
	return &stored, err
}
