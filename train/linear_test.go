package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// separable features: each class around a point of its own.
func separable(n int, seed uint64) Labelled {
	r := rand.New(rand.NewPCG(seed, 1))
	x := Labelled{Dim: 6}
	for i := range n {
		label := i % tinyClasses
		x.Labels = append(x.Labels, uint8(label))
		for d := range x.Dim {
			v := 0.3 * r.NormFloat64()
			if d == label {
				v += 2
			}
			x.Features = append(x.Features, float32(v))
		}
	}
	return x
}

func TestLinearEvaluationSeparatesSeparableFeatures(t *testing.T) {
	for _, optimizer := range []string{experiment.SGD, experiment.AdamW} {
		t.Run(optimizer, func(t *testing.T) {
			spec := tinySpec(experiment.SimCLR)
			spec.Linear.Epochs = 10
			spec.Linear.Optimizer.Name = optimizer
			validation := separable(30, 2)
			train := separable(50, 1)
			epochs, heads, err := LinearEvaluation(t.Context(), spec, tinyClasses, train, validation, onReference)
			require.NoError(t, err)
			require.Len(t, epochs, 10)
			require.Len(t, heads, 10)
			last := epochs[9]
			require.Equal(t, 10, last.Epoch)
			require.Greater(t, last.TrainAccuracy, 0.95)
			require.Greater(t, last.ValidationAccuracy, 0.95)
			require.Less(t, last.TrainLoss, epochs[0].TrainLoss)
			require.NotEqual(t, heads[0], heads[9], "heads are copies")
			for i, head := range heads {
				score := ScoreHead(head, validation)
				require.Equal(t, epochs[i].ValidationLoss, score.Loss)
				require.Equal(t, epochs[i].ValidationAccuracy, score.Accuracy)
			}
		})
	}
}

func TestLinearEvaluationIsDeterministic(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	run := func(procs int) (heads []Head) {
		withProcs(procs, func() {
			_, h, err := LinearEvaluation(t.Context(), spec, tinyClasses, separable(18, 1), separable(6, 2), onReference)
			require.NoError(t, err)
			heads = h
		})
		return heads
	}
	require.Equal(t, run(1), run(3))
}

// The frozen encoder: neither its weights nor its running statistics move by a bit.
func TestLinearEvaluationLeavesTheEncoderAlone(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	before := written(t, s)
	ctx, images := t.Context(), tinyImages(12)
	features, err := Features(ctx, spec, images, s, onReference)
	require.NoError(t, err)
	x := Labelled{Features: features, Labels: images.Labels, Dim: 8 * 8}
	_, _, err = LinearEvaluation(ctx, spec, tinyClasses, x, x, onReference)
	require.NoError(t, err)
	require.Equal(t, before, written(t, s))
	again, err := Features(ctx, spec, images, s, onReference)
	require.NoError(t, err)
	require.Equal(t, features, again)
}

func TestLinearEvaluationRefusesBadInput(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	ctx := t.Context()
	_, _, err := LinearEvaluation(ctx, spec, tinyClasses, separable(3, 1), separable(6, 2), onReference)
	require.ErrorIs(t, err, ErrTooFewImages)
	_, _, err = LinearEvaluation(ctx, spec, 2, separable(8, 1), separable(6, 2), onReference)
	require.ErrorContains(t, err, "label 2")
	short := separable(8, 1)
	short.Features = short.Features[1:]
	_, _, err = LinearEvaluation(ctx, spec, tinyClasses, separable(8, 1), short, onReference)
	require.ErrorContains(t, err, "47 feature values")
}

func TestLinearEvaluationDiverges(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Linear.Optimizer.LearningRate = 1e38
	_, _, err := LinearEvaluation(t.Context(), spec, tinyClasses, separable(8, 1), separable(6, 2), onReference)
	require.ErrorIs(t, err, ErrDiverged)
	require.ErrorContains(t, err, "linear.optimizer.learning_rate")
}

func TestScoreHead(t *testing.T) {
	head := Head{Weight: []float32{1, 0, 0, 1}, Bias: []float32{0, 1}}
	x := Labelled{Features: []float32{2, 0, 0, 3}, Labels: []uint8{0, 0}, Dim: 2} // logits 2, 1 and 0, 4
	score := ScoreHead(head, x)
	require.Equal(t, 0.5, score.Accuracy)
	want := (math.Log(math.Exp(2)+math.Exp(1)) - 2 + math.Log(1+math.Exp(4))) / 2
	require.InDelta(t, want, score.Loss, 1e-6)
	require.Equal(t, experiment.TestScore{}, ScoreHead(head, Labelled{Dim: 2}))
}
