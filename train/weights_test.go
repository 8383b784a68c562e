package train

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
)

// otherWeights is the state dict of a model that another experiment has trained.
func otherWeights(t *testing.T) []checkpoint.Tensor {
	t.Helper()
	spec := tinySpec(experiment.SimCLR)
	spec.Seed++
	return newPretrained(t, spec).StateDict()
}

// without leaves the tensors out whose names begin with prefix.
func without(tensors []checkpoint.Tensor, prefix string) (rest []checkpoint.Tensor) {
	for _, t := range tensors {
		if !strings.HasPrefix(t.Name, prefix) {
			rest = append(rest, t)
		}
	}
	return rest
}

func under(prefix string, tensors []checkpoint.Tensor) []checkpoint.Tensor {
	renamed := cloneTensors(tensors)
	for i := range renamed {
		renamed[i].Name = prefix + renamed[i].Name
	}
	return renamed
}

func fresh(t *testing.T) *State {
	t.Helper()
	s, err := NewPretrainState(tinySpec(experiment.SimCLR))
	require.NoError(t, err)
	return s
}

// Our own model in our own file, as another experiment's starting point.
func TestPretrainingStartsFromAModel(t *testing.T) {
	weights := otherWeights(t)
	var file bytes.Buffer
	require.NoError(t, checkpoint.WriteTorch(&file, weights))
	read, err := checkpoint.Read(file.Bytes())
	require.NoError(t, err)
	s := fresh(t)
	unused, err := s.TakeWeights(read)
	require.NoError(t, err)
	require.Empty(t, unused)
	require.Equal(t, weights, s.StateDict())
	require.Zero(t, s.Step)

	pretrain(t, tinySpec(experiment.SimCLR), s, 1)
	tracked, err := find(s.tensors, "bn1"+batches)
	require.NoError(t, err)
	require.Equal(t, []int64{4}, tracked.Int64s, "two steps behind those of the file")
}

func TestWeightsUnderOtherPeoplesNames(t *testing.T) {
	weights := without(otherWeights(t), projectorPrefix)
	fc := checkpoint.Tensor{Name: "fc.weight", Shape: []int{1}, Data: []float32{1}}
	for _, prefix := range []string{"", "module.", "state_dict.module.encoder.", "model.backbone."} {
		t.Run(prefix, func(t *testing.T) {
			s := fresh(t)
			_, head := fresh(t).parts()
			unused, err := s.TakeWeights(under(prefix, append(cloneTensors(weights), fc)))
			require.NoError(t, err)
			require.Equal(t, []string{prefix + "fc.weight"}, unused)
			encoder, own := s.parts()
			require.Equal(t, weights, encoder)
			require.Equal(t, head, own, "the projection head is the seed's")
		})
	}
}

// A target network beside the encoder must not be mixed up with it, nor one of another size taken.
func TestOneOfSeveralEncodersIsTaken(t *testing.T) {
	weights := without(otherWeights(t), projectorPrefix)
	small := under("model.", weights[:1])
	s := fresh(t)
	unused, err := s.TakeWeights(append(small, under("encoder.", weights)...))
	require.NoError(t, err)
	require.Equal(t, []string{"model.conv1.weight"}, unused)
	encoder, _ := s.parts()
	require.Equal(t, weights, encoder)
}

func TestHeadOfAnotherShapeStaysTheSeeds(t *testing.T) {
	weights := otherWeights(t)
	last := &weights[len(weights)-1]
	require.Equal(t, "projector.3.weight", last.Name)
	last.Shape, last.Data = []int{1, 16}, make([]float32, 16)
	s := fresh(t)
	_, head := fresh(t).parts()
	unused, err := s.TakeWeights(weights)
	require.NoError(t, err)
	require.Len(t, unused, len(head))
	_, own := s.parts()
	require.Equal(t, head, own)
}

func TestWeightsOfOldFilesCountNoBatches(t *testing.T) {
	var old []checkpoint.Tensor
	for _, tensor := range without(otherWeights(t), projectorPrefix) {
		if tensor.Int64s == nil {
			old = append(old, tensor)
		}
	}
	_, err := fresh(t).TakeWeights(old)
	require.NoError(t, err)
}

func TestWeightsThatDoNotFitAreRefused(t *testing.T) {
	weights := otherWeights(t)
	for name, c := range map[string]struct {
		change func([]checkpoint.Tensor) []checkpoint.Tensor
		want   []string
	}{
		"another stem": {func(w []checkpoint.Tensor) []checkpoint.Tensor {
			w[0].Shape, w[0].Data = []int{8, 3, 7, 7}, make([]float32, 8*3*7*7)
			return w
		}, []string{"conv1.weight has shape [8 3 7 7], but [8 3 3 3] is needed"}},
		"missing": {func(w []checkpoint.Tensor) []checkpoint.Tensor { return without(w, "layer2.0.downsample.0") },
			[]string{"layer2.0.downsample.0.weight is missing, shape [16 8 1 1] is needed"}},
		"many missing": {func(w []checkpoint.Tensor) []checkpoint.Tensor { return without(w, "layer") },
			[]string{"layer1.0.conv1.weight is missing", "and 90 more"}},
		"other names": {func(w []checkpoint.Tensor) []checkpoint.Tensor { return under("net.", w) },
			[]string{`the file begins with "net.conv1.weight"`, "state_dict, model, module, backbone, encoder"}},
		"nothing": {func([]checkpoint.Tensor) []checkpoint.Tensor { return nil }, []string{"conv1.weight is missing"}},
		"not a number": {func(w []checkpoint.Tensor) []checkpoint.Tensor {
			w[0].Data[3] = float32(math.NaN())
			return w
		}, []string{"conv1.weight has values that are infinite or not numbers"}},
		"integers": {func(w []checkpoint.Tensor) []checkpoint.Tensor {
			w[0].Data, w[0].Int64s = nil, make([]int64, 8*3*3*3)
			return w
		}, []string{"conv1.weight has elements of another type"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			_, err := s.TakeWeights(c.change(cloneTensors(weights)))
			require.ErrorIs(t, err, ErrWeights)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Equal(t, written(t, fresh(t)), written(t, s))
		})
	}
}

// Where the file lies is nobody's business, which it is decides the training.
func TestDigestOfWeights(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	of := func(w *experiment.Weights) string {
		spec.Encoder.Weights = w
		sum, err := digest(spec, experiment.StagePretrain, 1)
		require.NoError(t, err)
		return sum
	}
	first := of(&experiment.Weights{Source: "a.pt", SHA256: "1"})
	require.Equal(t, first, of(&experiment.Weights{Source: "https://example.org/b.pt", SHA256: "1"}))
	require.NotEqual(t, first, of(&experiment.Weights{Source: "a.pt", SHA256: "2"}))
	require.NotEqual(t, first, of(nil))
}
