package layout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestKeys(t *testing.T) {
	epoch := Key("first", "pretrain", "epoch-0042.safetensors")
	require.Equal(t, "experiments/first/pretrain/epoch-0042.safetensors", epoch)
	require.Equal(t, "experiments/first/pretrain/epoch-0042.json", RecordKey(epoch))
	require.Equal(t, "experiments/first/pretrain/epoch-0042.partial/", PartialPrefix(epoch))
	require.True(t, IsPartial(PartialPrefix(epoch)+"step-000003.safetensors"))
	require.False(t, IsPartial(epoch))
	require.Equal(t, "experiments/first/pretrain/epoch-0042.partial/step-000003.json",
		RecordKey(PartialPrefix(epoch)+"step-000003.safetensors"))
}

func TestDecodeTellsVersionsApart(t *testing.T) {
	var v struct{ Step int }
	require.NoError(t, Decode([]byte(`{"step": 3}`), "record", 2, &v), "from before there were versions")
	require.Equal(t, 3, v.Step)
	require.NoError(t, Decode([]byte(`{"version": 2, "step": 4}`), "record", 2, &v))
	require.Equal(t, 4, v.Step)

	// What a newer version holds can't be known: here a step that is no number any more.
	err := Decode([]byte(`{"version": 3, "step": "five"}`), "record", 2, &v)
	var newer *experiment.VersionError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, experiment.VersionError{File: "record", Version: 3, Newest: 2}, *newer)

	for _, damaged := range []string{``, `[]`, `{"version": "2"}`, `{"version": 0}`, `{"version": 1e30}`, `{"step": "five"}`} {
		require.Error(t, Decode([]byte(damaged), "record", 2, &v), damaged)
	}
}
