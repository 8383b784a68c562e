package train

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
)

func TestStateDictHasTorchvisionsNames(t *testing.T) {
	s, err := NewPretrainState(tinySpec(experiment.SimCLR))
	require.NoError(t, err)
	var names []string
	for _, tensor := range s.StateDict() {
		names = append(names, tensor.Name)
	}
	require.Equal(t, []string{
		"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
		"layer1.0.conv1.weight",
	}, names[:7])
	require.Contains(t, names, "layer2.0.downsample.1.num_batches_tracked")
	require.Contains(t, names, "projector.1.running_var")
	for _, name := range names {
		require.NotContains(t, name, "optimizer")
	}
	// torchvision's resnet18 has 122 entries, 2 of them of the classifier; the head adds 2 linear layers and a batch norm.
	require.Len(t, names, 122-2+2+5)
}

func TestNewStateStartsLikePyTorch(t *testing.T) {
	s, err := NewPretrainState(tinySpec(experiment.SimCLR))
	require.NoError(t, err)
	mean, err := find(s.tensors, "bn1.running_mean")
	require.NoError(t, err)
	require.Equal(t, make([]float32, 8), mean.Data)
	variance, err := find(s.tensors, "bn1.running_var")
	require.NoError(t, err)
	require.Equal(t, slices.Repeat([]float32{1}, 8), variance.Data)
	tracked, err := find(s.tensors, "bn1.num_batches_tracked")
	require.NoError(t, err)
	require.Equal(t, []int64{0}, tracked.Int64s)
	require.Empty(t, tracked.Shape)
}

func TestEpochTracksBatches(t *testing.T) {
	s := newPretrained(t, tinySpec(experiment.SimCLR))
	tracked, err := find(s.tensors, "layer4.1.bn2.num_batches_tracked")
	require.NoError(t, err)
	require.Equal(t, []int64{2}, tracked.Int64s)
	mean, err := find(s.tensors, "layer4.1.bn2.running_mean")
	require.NoError(t, err)
	require.NotEqual(t, make([]float32, 64), mean.Data)
}

func TestStateSurvivesSerialisation(t *testing.T) {
	for _, optimizer := range []string{experiment.SGD, experiment.AdamW} {
		spec := tinySpec(experiment.SimCLR)
		spec.Pretrain.Optimizer.Name = optimizer
		s := newPretrained(t, spec)
		read := reread(t, s)
		require.Equal(t, s, read)
		require.Equal(t, written(t, s), written(t, read))
	}
}

func TestReadStateRefusesOtherFiles(t *testing.T) {
	_, err := ReadState(bytes.NewReader([]byte("no safetensors")))
	require.ErrorContains(t, err, "read training state")

	for _, metadata := range []map[string]string{nil, {"epoch": "-1", "step": "0"}, {"epoch": "1", "step": "many"}} {
		var b bytes.Buffer
		require.NoError(t, checkpoint.WriteSafetensors(&b, nil, metadata))
		_, err = ReadState(&b)
		require.ErrorContains(t, err, "no training checkpoint")
	}
}

func TestStateWithoutATensorIsRefused(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	s.tensors = s.tensors[1:]
	_, err := PretrainEpoch(t.Context(), spec, tinyImages(8), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
	require.ErrorContains(t, err, `no tensor "conv1.weight"`)
}
