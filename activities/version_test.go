package activities

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
)

// rewrite puts an object with another text in the place of one.
func rewrite(t *testing.T, s *memory, key, old, changed string) {
	t.Helper()
	text := string(s.objects[key])
	require.Contains(t, text, old)
	require.NoError(t, s.Remove(t.Context(), key))
	_, err := s.Put(t.Context(), key, []byte(strings.Replace(text, old, changed, 1)), typeJSON)
	require.NoError(t, err)
}

// What a newer worker wrote is neither lost nor read wrongly: an older one leaves it for another newer one.
func TestNewerVersionsWaitForAnotherWorker(t *testing.T) {
	const newer = "use a release of Twinview at least as new"
	t.Run("record", func(t *testing.T) {
		s := newMemory()
		in := firstEpoch(t, s)
		done := pretrainOn(t, newActivities(t, s), in)
		rewrite(t, s, recordKey(done.Checkpoint.Key), `"version":1`, `"version":2`)
		_, err := run[experiment.PretrainEpoch](t, idle(t, s), experiment.ActivityPretrainEpoch, in)
		requireType(t, err, errorUnsupported, true)
		require.ErrorContains(t, err, "record experiments/tiny/pretrain/epoch-0001.json of format version 2")
		require.ErrorContains(t, err, newer)
	})
	t.Run("training state", func(t *testing.T) {
		s := newMemory()
		in := firstEpoch(t, s)
		done := pretrainOn(t, newActivities(t, s), in)
		tensors, metadata, err := checkpoint.ReadSafetensors(bytes.NewReader(s.objects[done.Checkpoint.Key]))
		require.NoError(t, err)
		metadata["version"] = "2"
		var state bytes.Buffer
		require.NoError(t, checkpoint.WriteSafetensors(&state, tensors, metadata))
		from := describe("experiments/tiny/pretrain/epoch-0001.newer.safetensors", state.Bytes())
		s.objects[from.Key] = state.Bytes()
		in.Epoch, in.From = 2, &from
		_, err = run[experiment.PretrainEpoch](t, idle(t, s), experiment.ActivityPretrainEpoch, in)
		requireType(t, err, errorUnsupported, true)
		require.ErrorContains(t, err, "checkpoint "+from.Key+": training state of format version 2")
		require.ErrorContains(t, err, newer)
	})
	t.Run("manifest", func(t *testing.T) {
		s := newMemory()
		in, _ := longEpoch(t, s, 1e-9)
		a := newActivities(t, s)
		a.diesAfter(6)
		last, err := pretrainFrom(t, a, in, nil, nil)
		requireType(t, err, errorUnexpected, true)
		rewrite(t, s, recordKey(last.Checkpoints[0].Checkpoint.Key), `"version":1`, `"version":2`)
		before := s.keys(partialFolder)
		_, err = pretrainFrom(t, idle(t, s), in, nil, nil)
		requireType(t, err, errorUnsupported, true)
		require.ErrorContains(t, err, "manifest "+recordKey(last.Checkpoints[0].Checkpoint.Key)+" of format version 2")
		require.Equal(t, before, s.keys(partialFolder), "nothing is thrown away")
	})
}

// Records and manifests from before there were versions count.
func TestRecordsWithoutAVersionAreRead(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	done := pretrainOn(t, newActivities(t, s), in)
	rewrite(t, s, recordKey(done.Checkpoint.Key), `"version":1,`, ``)
	require.True(t, json.Valid(s.objects[recordKey(done.Checkpoint.Key)]))
	require.Equal(t, done, pretrainOn(t, idle(t, s), in))

	s = newMemory()
	in, want := longEpoch(t, s, 1e-9)
	a := newActivities(t, s)
	a.diesAfter(6)
	last, err := pretrainFrom(t, a, in, nil, nil)
	requireType(t, err, errorUnexpected, true)
	rewrite(t, s, recordKey(last.Checkpoints[0].Checkpoint.Key), `"version":1,`, ``)
	steps := requireSame(t, s, newActivities(t, s), in, experiment.Heartbeat{}, want)
	require.Equal(t, 10-last.Checkpoints[0].Step, steps)
}
