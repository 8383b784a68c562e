package activities

import (
	"context"
	"fmt"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/train"
)

// EvaluateTest reads the test split, for the first and only time: kNN and every epoch's linear classifiers on the selected
// encoder's outputs, and every epoch of fine-tuning, as far as there are any. Nothing is chosen by what it finds.
// Of images without labels it measures nothing, and shows which the encoder finds alike.
func (a *Activities) EvaluateTest(ctx context.Context, in experiment.EvaluateTestInput) (experiment.TestResult, error) {
	first := experiment.Heartbeat{Stage: experiment.StageTest, Hardware: a.Hardware}
	return attempt(ctx, a, first, func(ctx context.Context, p *pulse) (experiment.TestResult, error) {
		a.ahead.stop()
		usage := a.measure(ctx)
		split, err := a.split(ctx, &in.Spec, in.Data)
		if err != nil {
			return experiment.TestResult{}, err
		}
		o := a.options(&in.Spec, p.report)
		result, err := a.testEncoder(ctx, in, split, o)
		if err != nil {
			return result, err
		}
		for i, e := range in.Finetune.Epochs {
			p.report(experiment.Heartbeat{Stage: experiment.StageTest, Epoch: e.Epoch, Step: i, Steps: len(in.Finetune.Epochs)})
			s, err := a.state(ctx, *e.Checkpoint)
			if err != nil {
				return result, err
			}
			predicted, err := train.Predict(ctx, &in.Spec, len(in.Data.Classes), split.Test, s, o)
			if err != nil {
				return result, fmt.Errorf("test fine-tuned epoch %d: %w", e.Epoch, err)
			}
			result.Finetune = append(result.Finetune, predicted.Score())
			if e.Epoch == in.Finetune.Best.Epoch {
				result.FinetuneConfusion = predicted.Confusion()
			}
		}
		if result.Ablation, err = a.testArms(ctx, in, split.Test, o); err != nil {
			return result, err
		}
		result.Usage = usage()
		return result, nil
	})
}

// testArms measures the selected epoch of each arm of the ablation.
func (a *Activities) testArms(
	ctx context.Context, in experiment.EvaluateTestInput, images dataset.Images, o train.Options,
) ([]experiment.TestScore, error) {
	var scores []experiment.TestScore
	for _, arm := range in.Ablation {
		s, err := a.state(ctx, arm.Best.Checkpoint)
		if err != nil {
			return nil, err
		}
		score, err := train.Score(ctx, &in.Spec, len(in.Data.Classes), images, s, o)
		if err != nil {
			return nil, fmt.Errorf("test %s: %w", arm.Stage(), err)
		}
		scores = append(scores, score)
	}
	return scores, nil
}

// testEncoder measures what stands on the frozen encoder.
func (a *Activities) testEncoder(
	ctx context.Context, in experiment.EvaluateTestInput, split dataset.Split, o train.Options,
) (experiment.TestResult, error) {
	var result experiment.TestResult
	s, err := a.state(ctx, in.Best.Checkpoint)
	if err != nil {
		return result, err
	}
	known, err := train.LabelledFeatures(ctx, &in.Spec, split.Train, s, o)
	if err != nil {
		return result, err
	}
	asked, err := train.LabelledFeatures(ctx, &in.Spec, split.Test, s, o)
	if err != nil {
		return result, err
	}
	if result.Exhibits, err = a.exhibit(ctx, &in, split, known, asked, o); err != nil {
		return result, fmt.Errorf("exhibit the test split: %w", err)
	}
	if result.Embeddings, err = a.embed(ctx, &in, known); err != nil {
		return result, err
	}
	if !in.Spec.Dataset.Labelled() {
		return result, nil
	}
	classes := len(in.Data.Classes)
	result.KNNAccuracy, err = train.KNN(
		ctx, known.Features, known.Labels, asked.Features, asked.Labels, known.Dim, in.Spec.KNN.K, classes, o.Compile)
	if err != nil {
		return result, fmt.Errorf("test kNN: %w", err)
	}
	// As many training images as test images: all of them would take several times as long and say no more.
	result.KNNTrainAccuracy, err = train.KNNLeaveOneOut(
		ctx, known.Features, known.Labels, len(asked.Labels), known.Dim, in.Spec.KNN.K, classes, o.Compile)
	if err != nil {
		return result, fmt.Errorf("kNN on training images: %w", err)
	}
	if in.LinearAugmented != nil {
		for _, e := range in.LinearAugmented.Epochs {
			head, err := a.head(ctx, *e.Checkpoint)
			if err != nil {
				return result, err
			}
			result.LinearAugmented = append(result.LinearAugmented, train.ScoreHead(head, asked))
		}
	}
	if in.Linear.Heads == nil {
		return result, nil
	}
	heads, err := getHeads(ctx, a.Store, *in.Linear.Heads, len(in.Linear.Epochs))
	if err != nil {
		return result, err
	}
	for i, h := range heads {
		predicted := h.Predict(asked)
		result.Linear = append(result.Linear, predicted.Score())
		if in.Linear.Epochs[i].Epoch == in.Linear.Best.Epoch {
			result.LinearConfusion = predicted.Confusion()
		}
	}
	return result, nil
}
