package experiment

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestYAMLIsAsWrittenDown(t *testing.T) {
	s := DefaultFor(BarlowTwins)
	s.Name = "golden"
	got, err := s.YAML()
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/barlow-twins.yaml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestYAMLRoundTrip(t *testing.T) {
	simple, twins := Default(), DefaultFor(BarlowTwins)
	odd := Default()
	odd.Seed = math.MaxUint64
	odd.Dataset.Source = "C:\\data # not a comment: 'x' \"y\""
	odd.Pretrain.Optimizer.LearningRate = 0.1 + 0.2
	odd.Pretrain.Optimizer.WeightDecay = 5e-324
	odd.Linear.Optimizer.Epsilon = 1e21
	symmetricTwins := DefaultFor(BarlowTwins)
	symmetricTwins.Augment.SecondView = nil
	for _, s := range []Spec{simple, twins, odd, symmetricTwins} {
		for _, name := range []string{"a", "true", "null", "5", "1e5", "", "-", "0x1", "~", "2026-01-01"} {
			s.Name = name
			data, err := s.YAML()
			require.NoError(t, err)
			back, err := Parse(data)
			require.NoError(t, err, "%s", data)
			require.Equal(t, s, back)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, s := range []Spec{Default(), DefaultFor(BarlowTwins)} {
		s.Seed = math.MaxUint64
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var back Spec
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, s, back)
	}
}

func TestDigestFollowsTheMeaning(t *testing.T) {
	a := Default()
	b := parse(t, "{pretrain: {epochs: 100}, augment: {second_view: {flip_probability: 0.5}}}")
	require.Equal(t, a.Digest(), b.Digest(), "a second view that equals the first is none")
	require.Len(t, a.Digest(), 64)
	require.Nil(t, a.Augment.SecondView)

	b.Augment.SecondView.Flip = 0.25
	require.NotEqual(t, a.Digest(), b.Digest())
	c := a
	c.Seed++
	require.NotEqual(t, a.Digest(), c.Digest())

	c = a
	c.Checkpoints.EverySeconds = 5
	require.Equal(t, a.Digest(), c.Digest(), "how often checkpoints are taken changes no result")
	c.Checkpoints.EverySeconds = 0
	data, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(data), "every_seconds", "a spec from before there was one stays as it was")
}
