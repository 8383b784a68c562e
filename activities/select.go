package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"twinview/checkpoint"
	"twinview/experiment"
)

// SelectCheckpoint chooses the pretraining epoch with the highest validation kNN accuracy, the earliest of equals, or the last
// one where no image has a label: a contrastive loss goes down for reasons of its own, with the schedule, or where the encoder
// finds a short cut, and says nothing of which epoch is better. It publishes encoder and projection head as a PyTorch state dict.
func (a *Activities) SelectCheckpoint(ctx context.Context, in experiment.SelectCheckpointInput) (experiment.Selection, error) {
	first := experiment.Heartbeat{Stage: experiment.StageSelect}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (experiment.Selection, error) {
		choose := bestMonitored
		if !in.Spec.Dataset.Labelled() {
			choose = last
		}
		s, err := choose(in.Epochs)
		if err != nil {
			return s, err
		}
		return a.publish(ctx, s, key(in.Spec.Name, modelFile(in.Spec.Method, "best_epoch")))
	})
}

func bestMonitored(epochs []experiment.PretrainEpoch) (experiment.Selection, error) {
	best := -1
	for i, e := range epochs {
		if e.KNN != nil && (best < 0 || *e.KNN > *epochs[best].KNN) {
			best = i
		}
	}
	if best < 0 {
		return experiment.Selection{}, fmt.Errorf("select among %d epochs: none has a kNN accuracy", len(epochs))
	}
	e := epochs[best]
	return experiment.Selection{
		Epoch: e.Epoch, Criterion: experiment.CriterionKNN, Value: *e.KNN, Checkpoint: e.Checkpoint,
	}, nil
}

func last(epochs []experiment.PretrainEpoch) (experiment.Selection, error) {
	if len(epochs) == 0 {
		return experiment.Selection{}, errors.New("select the last epoch: there are none")
	}
	e := epochs[len(epochs)-1]
	return experiment.Selection{
		Epoch: e.Epoch, Criterion: experiment.CriterionLast, Value: e.Loss, Checkpoint: e.Checkpoint,
	}, nil
}

// SelectFinetuned chooses the fine-tuning epoch with the highest validation accuracy, the earliest of equals, and publishes
// the classifier as a PyTorch state dict.
func (a *Activities) SelectFinetuned(ctx context.Context, in experiment.SelectFinetunedInput) (experiment.Selection, error) {
	first := experiment.Heartbeat{Stage: experiment.StageFinetune}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (experiment.Selection, error) {
		s, err := experiment.SelectClassifier(in.Epochs)
		if err != nil {
			return s, err
		}
		s.Checkpoint = *in.Epochs[s.Epoch-1].Checkpoint
		return a.publish(ctx, s, key(in.Spec.Name, "finetune_best.pt"))
	})
}

// publish writes the state dict of the selected checkpoint under key and adds it to the selection.
func (a *Activities) publish(ctx context.Context, s experiment.Selection, key string) (experiment.Selection, error) {
	state, err := a.state(ctx, s.Checkpoint)
	if err != nil {
		return s, err
	}
	s.Model, err = putModel(ctx, a.Store, key, state.StateDict())
	return s, err
}

func putModel(ctx context.Context, s Store, key string, tensors []checkpoint.Tensor) (experiment.Artifact, error) {
	var data bytes.Buffer
	if err := checkpoint.WriteTorch(&data, tensors); err != nil {
		return experiment.Artifact{}, fmt.Errorf("write %s: %w", key, err)
	}
	return replace(ctx, s, key, data.Bytes(), typeBinary)
}
