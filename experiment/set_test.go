package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	s := Default()
	for _, assignment := range []string{
		"name=5",
		"seed=7",
		"dataset.source=/a=b",
		"pretrain.epochs = 5",
		"method.temperature=1e-1",
		"linear.optimizer.nesterov=true",
		"augment.first_view.crop.scale=[0.2, 1]",
		"knn={k: 3, every_epochs: 2}",
	} {
		require.NoError(t, Set(&s, assignment), assignment)
	}
	want := Default()
	want.Name, want.Seed, want.Dataset.Source = "5", 7, "/a=b"
	want.Pretrain.Epochs = 5
	want.Method.Temperature = 0.1
	want.Linear.Optimizer.Nesterov = true
	want.Augment.FirstView.Crop.Scale = [2]float64{0.2, 1}
	want.KNN.K, want.KNN.EveryEpochs = 3, 2
	require.Equal(t, want, s)
}

func TestSetSecondView(t *testing.T) {
	s := Default()
	s.Augment.FirstView.Flip = 0.3
	require.NoError(t, Set(&s, "augment.second_view=null"))
	require.Nil(t, s.Augment.SecondView)
	require.NoError(t, Set(&s, "augment.second_view.solarize.probability=0.2"))
	want := s.Augment.FirstView
	want.Solarize.Probability = 0.2
	require.Equal(t, want, *s.Augment.SecondView)

	before := s
	require.NoError(t, Set(&s, "augment.second_view.flip_probability=1"))
	require.Equal(t, 0.3, before.Augment.SecondView.Flip, "a copy of the spec is not changed")
	require.NoError(t, Set(&s, "augment.second_view=null"))
	require.Nil(t, s.Augment.SecondView)
}

func TestSetMethodBringsItsDefaults(t *testing.T) {
	s := Default()
	s.Pretrain.BatchSize = 64
	require.NoError(t, Set(&s, "method.name=barlow_twins"))
	want := DefaultFor(BarlowTwins)
	want.Pretrain.BatchSize = 64
	require.Equal(t, want, s)
	require.NoError(t, Set(&s, "method.name=simclr"))
	want = Default()
	want.Pretrain.BatchSize = 64
	require.Equal(t, want, s)
}

func TestSetNamesWhatIsWrong(t *testing.T) {
	for assignment, want := range map[string]string{
		"pretrain.epochs":          "is no assignment; write key=value",
		"pretrain.epoch=5":         `pretrain.epoch: unknown key; did you mean "epochs"?`,
		"pretrain.epochs.x=5":      "pretrain.epochs: has no keys inside",
		"pretrain..epochs=5":       "pretrain.: unknown key",
		"=5":                       "unknown key",
		"pretrain.epochs=":         `pretrain.epochs: "" is no value`,
		"pretrain.epochs=1.5":      "pretrain.epochs: must be a whole number, not 1.5",
		"pretrain.epochs=[":        `pretrain.epochs: "[" is no value`,
		"pretrain.epochs=null":     "pretrain.epochs: has no value",
		"knn={k: 1, z: 2}":         "knn.z: unknown key",
		"linear.optimizer.betas=1": "must be a list of 2 numbers",
		"augment.second_view.z=1":  "augment.second_view.z: unknown key",
		"augment.second_view=1":    "augment.second_view: must be a map",
	} {
		s := Default()
		require.ErrorContains(t, Set(&s, assignment), want, assignment)
		require.Equal(t, Default(), s, assignment)
	}
}

// What was absent appears with its first key, and a failure leaves what was there.
func TestWeightsAreSetKeyByKey(t *testing.T) {
	s := Default()
	require.NoError(t, Set(&s, "encoder.weights.source=a.pt"))
	require.NoError(t, Set(&s, "encoder.weights.sha256="+digest))
	require.Equal(t, &Weights{"a.pt", digest}, s.Encoder.Weights)
	changed := s
	require.NoError(t, Set(&changed, "encoder.weights.source=b.pt"))
	require.Equal(t, "a.pt", s.Encoder.Weights.Source)
	require.NoError(t, Set(&s, "encoder.weights=null"))
	require.Nil(t, s.Encoder.Weights)
	require.Error(t, Set(&s, "encoder.weights.sha=1"))
	require.Nil(t, s.Encoder.Weights)
}

func TestWeightsSurviveYAML(t *testing.T) {
	s := Default()
	data, err := s.YAML()
	require.NoError(t, err)
	require.NotContains(t, string(data), "weights:")
	s.Encoder.Weights = &Weights{"a.pt", digest}
	data, err = s.YAML()
	require.NoError(t, err)
	parsed, err := Parse(data)
	require.NoError(t, err)
	require.Equal(t, s, parsed)
}
