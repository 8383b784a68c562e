package experiment

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDivergenceOfAnEmptySectionHasTheDefault(t *testing.T) {
	for text, want := range map[string]*Divergence{
		"name: a":                                             nil,
		"name: a\npretrain: {divergence: null}":               nil,
		"name: a\npretrain: {divergence: {}}":                 {RateFactor: 0.5},
		"name: a\npretrain: {divergence: {rate_factor: 0.1}}": {RateFactor: 0.1},
	} {
		s, err := Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, s.Pretrain.Divergence, text)
		require.NoError(t, s.Validate())
		data, err := s.YAML()
		require.NoError(t, err)
		again, err := Parse(data)
		require.NoError(t, err)
		require.Equal(t, s, again)
	}
}

func TestRateFactorMakesRatesSmaller(t *testing.T) {
	for _, text := range []string{"0", "1", "2", "-0.5"} {
		s, err := Parse([]byte("name: a\npretrain: {divergence: {rate_factor: " + text + "}}"))
		require.NoError(t, err, text)
		err = s.Validate()
		require.ErrorContains(t, err, "pretrain.divergence.rate_factor", text)
		require.ErrorContains(t, err, "greater than 0 and less than 1")
	}
}

// Without the section a spec is what it was before there was one.
func TestSpecWithoutDivergenceIsAsBefore(t *testing.T) {
	s := Default()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	require.NotContains(t, string(data), "divergence")
	require.NoError(t, Set(&s, "pretrain.divergence.rate_factor=0.25"))
	before := s
	require.NoError(t, Set(&s, "pretrain.divergence.rate_factor=0.75"))
	require.Equal(t, 0.25, before.Pretrain.Divergence.RateFactor, "it is set on a copy")
	require.Equal(t, 0.75, s.Pretrain.Divergence.RateFactor)
	require.NoError(t, Set(&s, "pretrain.divergence=null"))
	require.Nil(t, s.Pretrain.Divergence)
}

func TestRetrySaysWhatHappened(t *testing.T) {
	r := Retry{Diverged{Epoch: 3, Step: 120, Loss: "NaN"}, 0.5}
	require.Equal(t, "epoch 3 diverged in step 120 (loss NaN): trained again from the checkpoint before it, with learning rates "+
		"0.5 times as large from there on", r.String())
	r.Epoch = 1
	require.Contains(t, r.String(), "from the beginning")
}
