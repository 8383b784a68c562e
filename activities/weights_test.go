package activities

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
	"twinview/train"
)

// startingFrom is a spec whose encoder starts from the file.
func startingFrom(t *testing.T, file []byte) experiment.Spec {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.pt")
	require.NoError(t, os.WriteFile(path, file, 0o644))
	spec := tinySpec()
	spec.Name = "second"
	spec.Encoder.Weights = &experiment.Weights{Source: path, SHA256: describe("", file).SHA256}
	return spec
}

// trainedModel is the best epoch of an experiment "tiny" in the store, as a PyTorch state dict.
func trainedModel(t *testing.T, s *memory) []byte {
	t.Helper()
	in := firstEpoch(t, s)
	in.Spec.KNN.EveryEpochs = 1
	done := pretrainOn(t, newActivities(t, s), in)
	best := must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: in.Spec, Epochs: []experiment.PretrainEpoch{done}})
	data, err := s.Get(t.Context(), best.Model)
	require.NoError(t, err)
	return data
}

func stateDict(t *testing.T, s *memory, a experiment.Artifact) []checkpoint.Tensor {
	t.Helper()
	state, err := newActivities(t, s).state(t.Context(), a)
	require.NoError(t, err)
	return state.StateDict()
}

// One experiment's model goes into the next one, which trains nothing: kNN, linear evaluation and fine-tuning see it as it is,
// on whatever worker and when the file is long gone.
func TestExperimentStartsFromAModel(t *testing.T) {
	s := newMemory()
	model := trainedModel(t, s)
	want, err := checkpoint.Read(model)
	require.NoError(t, err)
	spec := startingFrom(t, model)
	spec.Pretrain.Epochs = 0
	data := prepare(t, s, spec)
	require.Equal(t, "weights/"+spec.Encoder.Weights.SHA256, data.Weights.Key)
	require.NoError(t, os.Remove(spec.Encoder.Weights.Source))
	require.Equal(t, data, prepare(t, s, spec), "the stored copy is enough")

	in := experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 0}
	start := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, "experiments/second/pretrain/epoch-0000.safetensors", start.Checkpoint.Key)
	require.NotNil(t, start.KNN)
	require.Zero(t, start.Step)
	require.Equal(t, start, pretrainOn(t, idle(t, s), in), "what is recorded is not computed again")
	require.Equal(t, want, stateDict(t, s, start.Checkpoint))

	best := must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: spec, Epochs: []experiment.PretrainEpoch{start}})
	require.Zero(t, best.Epoch)
	published, err := s.Get(t.Context(), best.Model)
	require.NoError(t, err)
	require.Equal(t, model, published)
	must[experiment.Classification](t, newActivities(t, s), experiment.ActivityEvaluateLinear,
		experiment.EvaluateLinearInput{Spec: spec, Data: data, Best: best})
	must[experiment.ClassifierEpoch](t, newActivities(t, s), experiment.ActivityFinetuneEpoch,
		experiment.FinetuneEpochInput{Spec: spec, Data: data, Best: best, Epoch: 1})
}

func TestPretrainingStartsFromTheWeights(t *testing.T) {
	s := newMemory()
	model := trainedModel(t, s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(model) }))
	defer server.Close()
	spec := startingFrom(t, model)
	spec.Encoder.Weights.Source = server.URL + "/model.pt"
	in := experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec), Epoch: 1}
	done := pretrainOn(t, newActivities(t, s), in)

	plain := spec
	plain.Name, plain.Encoder.Weights = "plain", nil
	other := pretrainOn(t, newActivities(t, s), experiment.PretrainEpochInput{Spec: plain, Data: prepare(t, s, plain), Epoch: 1})
	require.NotEqual(t, other.Loss, done.Loss)

	state, err := train.NewPretrainState(&spec)
	require.NoError(t, err)
	tensors, err := checkpoint.Read(model)
	require.NoError(t, err)
	_, err = state.TakeWeights(tensors)
	require.NoError(t, err)
	a := newActivities(t, s)
	split, err := a.split(t.Context(), &spec, in.Data)
	require.NoError(t, err)
	stats, err := train.PretrainEpoch(t.Context(), &spec, split.Train, state, a.options(&spec, nil))
	require.NoError(t, err)
	require.Equal(t, stats.Loss, done.Loss)
}

func TestWeightsThatCannotBeUsedClaimNothing(t *testing.T) {
	model := trainedModel(t, newMemory())
	harmful, err := os.ReadFile("../checkpoint/testdata/harmful.pt")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file   []byte
		change func(*experiment.Spec)
		kind   string
		want   string
	}{
		"another width": {model, func(s *experiment.Spec) { s.Encoder.Width = 16 }, experiment.ErrorBadSpec,
			"conv1.weight has shape [8 3 3 3], but [16 3 3 3] is needed"},
		"another digest": {model, func(s *experiment.Spec) { s.Encoder.Weights.SHA256 = describe("", nil).SHA256 },
			experiment.ErrorBadData, "wrong SHA-256"},
		"no file": {model, func(s *experiment.Spec) { s.Encoder.Weights.Source += "x" }, experiment.ErrorBadSpec,
			"encoder.weights.source"},
		"no model": {[]byte("a page that says 404"), nil, experiment.ErrorBadData, "malformed safetensors"},
		"harmful":  {harmful, nil, experiment.ErrorBadData, `"posix.system", which is refused`},
		"half":     {model[:len(model)/2], nil, experiment.ErrorBadData, "unusable PyTorch file"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMemory()
			spec := startingFrom(t, c.file)
			if c.change != nil {
				c.change(&spec)
			}
			err := prepareError(t, s, spec)
			requireType(t, err, c.kind, false)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, s.keys("experiments/"))
		})
	}
}
