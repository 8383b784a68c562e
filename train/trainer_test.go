package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

// recorder is an optimiser that moves nothing and notes what it is told.
type recorder map[int]float64

func (r recorder) Buffers(int) [][]float32 { return nil }

func (r recorder) Step(rate float64, step int) (finite bool, err error) {
	r[step] = rate
	return true, nil
}

func TestStepsAndRatesGoOnOverEpochs(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	x := separable(8, 1)
	trainer, err := newLinearTrainer(spec, x.Dim, tinyClasses, 2, onReference)
	require.NoError(t, err)
	defer trainer.close()
	r := recorder{}
	trainer.queue = &inTurn{machine: trainer.machine, optimizer: r, values: trainer.machine.Values}
	for epoch := range 2 {
		order := dataset.Order(spec.Seed, dataset.LinearOrder, epoch, 8)
		_, err := trainer.epoch(t.Context(), 2, 4, trainer.feedFeatures(x, order))
		require.NoError(t, err)
	}
	s := newSchedule(spec.Linear.Schedule, spec.Linear.Optimizer.LearningRate, spec.Linear.Epochs, 2)
	require.Equal(t, recorder{1: s.at(0), 2: s.at(1), 3: s.at(2), 4: s.at(3)}, r)
}

func TestDecayNormsDecidesWhatDecays(t *testing.T) {
	after := func(change func(o *experiment.Optimizer)) *State {
		spec := tinySpec(experiment.SimCLR)
		spec.Pretrain.Schedule.WarmupEpochs = 0
		spec.Pretrain.Optimizer.WeightDecay = 0
		change(&spec.Pretrain.Optimizer)
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(4), s, onReference) // one step
		require.NoError(t, err)
		return s
	}
	values := func(s *State, name string) []float32 {
		tensor, err := find(s.tensors, name)
		require.NoError(t, err)
		return tensor.Data
	}
	none := after(func(*experiment.Optimizer) {})
	weights := after(func(o *experiment.Optimizer) { o.WeightDecay = 0.1 })
	all := after(func(o *experiment.Optimizer) { o.WeightDecay, o.DecayNorms = 0.1, true })

	const convolution, norm = "conv1.weight", "bn1.weight"
	require.NotEqual(t, values(none, convolution), values(weights, convolution))
	require.Equal(t, values(weights, convolution), values(all, convolution))
	require.Equal(t, values(none, norm), values(weights, norm))
	require.NotEqual(t, values(none, norm), values(all, norm))
}
