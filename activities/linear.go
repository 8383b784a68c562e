package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"twinview/checkpoint"
	"twinview/experiment"
	"twinview/storage"
	"twinview/telemetry"
	"twinview/train"
)

// EvaluateLinear trains a linear classifier on the frozen outputs of the selected encoder, chooses its epoch on the
// validation split, and publishes the classifier of every epoch and, as a PyTorch state dict, the encoder with the best
// one.
func (a *Activities) EvaluateLinear(ctx context.Context, in experiment.EvaluateLinearInput) (experiment.Classification, error) {
	first := experiment.Heartbeat{Stage: experiment.StageLinear, Hardware: a.Hardware}
	return attempt(ctx, a, first, func(ctx context.Context, p *pulse) (experiment.Classification, error) {
		a.ahead.stop()
		from := origin{Data: in.Data.SHA256, From: in.Best.Checkpoint.SHA256}
		heads := key(in.Spec.Name, "linear", "heads.safetensors")
		done, err := a.finishedLinear(ctx, heads, from)
		if err != nil {
			return experiment.Classification{}, err
		}
		if done == nil {
			result, err := a.linear(ctx, in, heads, from, a.options(&in.Spec, p.report))
			if err != nil {
				return experiment.Classification{}, err
			}
			r, err := commit(ctx, a.Store, heads, record[experiment.Classification]{Origin: from, Artifact: *result.Heads, Result: result})
			if err != nil {
				return experiment.Classification{}, err
			}
			a.Metrics.EpochsDone(experiment.StageLinear, len(result.Epochs))
			a.Metrics.Validation(experiment.StageLinear, r.Result.Best.Value)
			done = &r
		}
		return a.withLinearModel(ctx, in, done.Result)
	})
}

// finishedLinear returns the record of the classifiers, nil where there is none. Where they are lost, they are set aside and
// count as never trained.
func (a *Activities) finishedLinear(
	ctx context.Context, heads string, from origin,
) (*record[experiment.Classification], error) {
	done, err := recorded[experiment.Classification](ctx, a.Store, heads, from)
	if done == nil || err != nil {
		return nil, err
	}
	_, err = getHeads(ctx, a.Store, done.Artifact, len(done.Result.Epochs))
	if errors.As(err, new(lost)) {
		_, err = setAside(ctx, a.Store, done.Artifact, err)
		return nil, err
	}
	return done, err
}

// withLinearModel publishes the encoder with the selected classifier. The record comes before it: whichever attempt's
// classifiers count, every attempt makes the model of those.
func (a *Activities) withLinearModel(
	ctx context.Context, in experiment.EvaluateLinearInput, result experiment.Classification,
) (experiment.Classification, error) {
	s, err := a.state(ctx, in.Best.Checkpoint)
	if err != nil {
		return result, err
	}
	heads, err := getHeads(ctx, a.Store, *result.Heads, len(result.Epochs))
	if err != nil {
		return result, err
	}
	model := withHead(s.StateDict(), heads[result.Best.Epoch-1])
	result.Best.Model, err = putModel(ctx, a.Store, key(in.Spec.Name, modelFile(in.Spec.Method, "lin_best")), model)
	return result, err
}

// linear trains and publishes the classifiers.
func (a *Activities) linear(
	ctx context.Context, in experiment.EvaluateLinearInput, headsKey string, from origin, o train.Options,
) (experiment.Classification, error) {
	var result experiment.Classification
	usage := a.measure(ctx)
	split, err := a.split(ctx, &in.Spec, in.Data)
	if err != nil {
		return result, err
	}
	s, err := a.state(ctx, in.Best.Checkpoint)
	if err != nil {
		return result, err
	}
	known, err := train.LabelledFeatures(ctx, &in.Spec, split.Train, s, o)
	if err != nil {
		return result, err
	}
	validation, err := train.LabelledFeatures(ctx, &in.Spec, split.Validation, s, o)
	if err != nil {
		return result, err
	}
	training, end := telemetry.Span(ctx, spanTrain)
	epochs, heads, err := train.LinearEvaluation(training, &in.Spec, len(in.Data.Classes), known, validation, o)
	end(err)
	if err != nil {
		return result, fmt.Errorf("linear evaluation: %w", err)
	}
	// Another attempt may have finished while this one trained: what it recorded must not be replaced.
	done, err := recorded[experiment.Classification](ctx, a.Store, headsKey, from)
	if err != nil {
		return result, err
	}
	if done != nil {
		return done.Result, nil
	}
	stored, err := putHeads(ctx, a.Store, headsKey, heads)
	if err != nil {
		return result, err
	}
	best, err := experiment.SelectClassifier(epochs)
	if err != nil {
		return result, err
	}
	best.Checkpoint = stored
	a.states.put(in.Best.Checkpoint.SHA256, s) // which has stayed as it was
	return experiment.Classification{Epochs: epochs, Best: best, Heads: &stored, Usage: usage()}, nil
}

// withHead is the encoder of a state dict, without its projection head, followed by a linear classifier.
func withHead(tensors []checkpoint.Tensor, h train.Head) []checkpoint.Tensor {
	var out []checkpoint.Tensor
	for _, t := range tensors {
		if !strings.HasPrefix(t.Name, "projector.") {
			out = append(out, t)
		}
	}
	return append(out, headTensors("fc", h)...)
}

func headTensors(name string, h train.Head) []checkpoint.Tensor {
	classes := len(h.Bias)
	return []checkpoint.Tensor{
		{Name: name + ".weight", Shape: []int{classes, len(h.Weight) / classes}, Data: h.Weight},
		{Name: name + ".bias", Shape: []int{classes}, Data: h.Bias},
	}
}

// headName is the prefix of an epoch's classifier in the artifact with all of them.
func headName(epoch int) string { return fmt.Sprintf("epoch-%04d", epoch) }

// putHeads publishes the classifiers of all epochs in one file.
func putHeads(ctx context.Context, s Store, key string, heads []train.Head) (experiment.Artifact, error) {
	var tensors []checkpoint.Tensor
	for i, h := range heads {
		tensors = append(tensors, headTensors(headName(i+1), h)...)
	}
	var data bytes.Buffer
	if err := checkpoint.WriteSafetensors(&data, tensors, nil); err != nil {
		return experiment.Artifact{}, fmt.Errorf("write %s: %w", key, err)
	}
	return put(ctx, s, key, data.Bytes(), typeBinary)
}

// getHeads reads the classifiers of all epochs, in epoch order.
func getHeads(ctx context.Context, s Store, stored experiment.Artifact, epochs int) ([]train.Head, error) {
	data, err := s.Get(ctx, stored)
	if err != nil {
		return nil, lose(stored, err)
	}
	tensors, _, err := checkpoint.ReadSafetensors(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", storage.ErrCorrupt, stored.Key, err)
	}
	values := make(map[string][]float32)
	for _, t := range tensors {
		values[t.Name] = t.Data
	}
	heads := make([]train.Head, epochs)
	for i := range heads {
		name := headName(i + 1)
		heads[i] = train.Head{Weight: values[name+".weight"], Bias: values[name+".bias"]}
		if len(heads[i].Bias) == 0 || len(heads[i].Weight)%len(heads[i].Bias) != 0 {
			return nil, fmt.Errorf("%w: %s has no classifier %q", storage.ErrCorrupt, stored.Key, name)
		}
	}
	return heads, nil
}
