package train

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

func ablationSpec(steps, batch int) *experiment.Spec {
	spec := tinySpec(experiment.SimCLR)
	f := spec.Finetune
	spec.Ablation = &experiment.Ablation{
		LabelFractions: []float64{0.5}, Epochs: 3, StepsPerEpoch: steps, BatchSize: batch,
		Optimizer: f.Optimizer, Schedule: f.Schedule, Augment: f.Augment,
	}
	return spec
}

var (
	pretrainedArm = experiment.Arm{Fraction: 0.5, Start: experiment.FromPretrained}
	scratchArm    = experiment.Arm{Fraction: 0.5, Start: experiment.FromScratch}
)

// Epochs cut one endless sequence of passes, wherever they begin.
func TestVisitsGoOnWhereTheLastEpochEnded(t *testing.T) {
	whole := visits(7, dataset.AblationOrder, 5, 0, 18)
	var cut []visit
	for first := 0; first < 18; first += 6 {
		cut = append(cut, visits(7, dataset.AblationOrder, 5, first, 6)...)
	}
	require.Equal(t, whole, cut)
	for pass := range 3 {
		var images []int
		for _, v := range whole[5*pass : 5*pass+5] {
			require.Equal(t, pass, v.pass)
			images = append(images, v.image)
		}
		slices.Sort(images)
		require.Equal(t, []int{0, 1, 2, 3, 4}, images, "every pass sees every image once")
	}
}

// Fewer images than a batch: passes repeat within the batch, with other draws.
func TestBatchLargerThanTheSetRepeatsWithOtherDraws(t *testing.T) {
	images := tinyImages(2)
	d := tinyDraw(images)
	d.views = d.views[:1]
	d.order, d.batchSize = visits(7, dataset.AblationOrder, 2, 0, 6), 6
	got := loadAll(t, d)[0]
	const length = 8 * 8 * 3
	for i, v := range d.order {
		for j, w := range d.order[:i] {
			if v.image == w.image {
				require.NotEqual(t, got.pixels[i*length:(i+1)*length], got.pixels[j*length:(j+1)*length])
			}
		}
	}
}

func TestArmsStartFromTheEncoderOrFromScratch(t *testing.T) {
	spec := ablationSpec(2, 4)
	initial, err := NewPretrainState(spec)
	require.NoError(t, err)
	pretrained := newPretrained(t, spec)
	for _, test := range []struct {
		arm  experiment.Arm
		from *State
	}{{pretrainedArm, pretrained}, {scratchArm, initial}} {
		s, err := NewArmState(spec, test.arm, tinyClasses, pretrained)
		require.NoError(t, err)
		copied := 0
		for _, tensor := range s.StateDict() {
			if source, err := find(test.from.tensors, tensor.Name); err == nil {
				require.Equal(t, source, tensor, "%s", test.arm.Start)
				copied++
			}
		}
		require.Equal(t, len(s.StateDict())-2, copied, "all but fc.weight and fc.bias")
	}
}

// Epochs of 3 batches of 4 over 5 images end in the middle of a pass.
func TestArmResumesExactly(t *testing.T) {
	spec := ablationSpec(3, 4)
	train := func(s *State) EpochStats {
		stats, err := FinetuneEpoch(t.Context(), spec, tinyImages(5), s, onReference)
		require.NoError(t, err)
		return stats
	}
	uninterrupted, err := NewArmState(spec, scratchArm, tinyClasses, nil)
	require.NoError(t, err)
	interrupted, err := NewArmState(spec, scratchArm, tinyClasses, nil)
	require.NoError(t, err)
	withProcs(1, func() { train(uninterrupted); train(uninterrupted) })
	withProcs(3, func() {
		train(interrupted)
		require.Equal(t, 3, interrupted.Step)
		interrupted = reread(t, interrupted)
		train(interrupted)
	})
	require.Equal(t, written(t, uninterrupted), written(t, interrupted))
}

func TestArmsAreNotExchanged(t *testing.T) {
	spec := ablationSpec(1, 4)
	s, err := NewArmState(spec, scratchArm, tinyClasses, nil)
	require.NoError(t, err)
	_, err = Score(t.Context(), spec, tinyClasses, tinyImages(3), s, onReference)
	require.NoError(t, err)
	require.ErrorIs(t, s.check(spec, pretrainedArm.Stage()), ErrOtherState)
	require.ErrorIs(t, s.check(spec, experiment.StageFinetune), ErrOtherState)

	spec.Ablation.StepsPerEpoch = 2
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(5), s, onReference)
	require.ErrorIs(t, err, ErrOtherState, "another spec")
	spec.Ablation = nil
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(5), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
}

func TestDivergedArmNamesItsSection(t *testing.T) {
	spec := ablationSpec(3, 4)
	spec.Ablation.Optimizer.LearningRate = 1e38
	s, err := NewArmState(spec, scratchArm, tinyClasses, nil)
	require.NoError(t, err)
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(5), s, onReference)
	require.ErrorIs(t, err, ErrDiverged)
	require.ErrorContains(t, err, "in ablation/scratch-0.5, epoch 1")
	require.ErrorContains(t, err, "lower ablation.optimizer.learning_rate")
}
