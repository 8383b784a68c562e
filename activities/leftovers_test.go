package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// aged is a store whose objects were all written two hours ago, but for those that are young.
type aged struct {
	*memory
	young map[string]bool
}

func (s aged) Objects(_ context.Context, prefix string) ([]storage.Object, error) {
	var found []storage.Object
	for rest := range s.keys(prefix) {
		o := storage.Object{Key: prefix + rest, Modified: time.Now().Add(-2 * time.Hour)}
		if s.young[o.Key] {
			o.Modified = time.Now()
		}
		found = append(found, o)
	}
	return found, nil
}

func leftoverKeys(t *testing.T, s Inventory, referenced ...experiment.Artifact) []string {
	t.Helper()
	left, err := Leftovers(t.Context(), s, "tiny", referenced, time.Hour)
	require.NoError(t, err)
	var keys []string
	for _, o := range left {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestLeftovers(t *testing.T) {
	s := aged{newMemory(), map[string]bool{}}
	put := func(key, content string) experiment.Artifact {
		a, err := s.Put(t.Context(), key, []byte(content), typeBinary)
		require.NoError(t, err)
		return a
	}
	finish := func(a experiment.Artifact) {
		_, err := commit(t.Context(), s, a.Key, record[int]{Artifact: a})
		require.NoError(t, err)
	}
	put("experiments/tiny/spec.yaml", "name: tiny")
	first := put("experiments/tiny/pretrain/epoch-0001.safetensors", "1")
	finish(first)
	// Pruned: only its record is left.
	second := put("experiments/tiny/pretrain/epoch-0002.safetensors", "2")
	finish(second)
	require.NoError(t, s.Remove(t.Context(), second.Key))
	// Recorded, and the caller does not know of it.
	finish(put("experiments/tiny/pretrain/epoch-0003.safetensors", "3"))
	// Recorded beside what another attempt had left under the plain key.
	beside := put("experiments/tiny/pretrain/epoch-0005.0123456789ab.safetensors", "5")
	_, err := commit(t.Context(), s, "experiments/tiny/pretrain/epoch-0005.safetensors", record[int]{Artifact: beside})
	require.NoError(t, err)
	metrics := put("experiments/tiny/metrics.json", `{"accuracy": 0.5}`)
	model := put("experiments/tiny/simclr_best_epoch.pt", "model")
	put("experiments/tiny2/pretrain/epoch-0001.safetensors", "another experiment's")
	put("weights/0123", "everybody's")
	referenced := []experiment.Artifact{first, metrics, model}
	require.Empty(t, leftoverKeys(t, s, referenced...))

	dead := put("experiments/tiny/pretrain/epoch-0004.safetensors", "an attempt died before its record")
	odd := put("experiments/tiny/test/exhibits.json", `{"artifact": ["no record"]}`)
	running := put("experiments/tiny/finetune/epoch-0001.safetensors", "an attempt is about to record it")
	s.young[running.Key] = true
	require.ElementsMatch(t, []string{dead.Key, odd.Key}, leftoverKeys(t, s, referenced...))
	require.ElementsMatch(t, []string{dead.Key}, leftoverKeys(t, s, append(referenced, odd)...))
	require.NotContains(t, leftoverKeys(t, s), first.Key, "recorded, though the caller names nothing")
}

// A real epoch's artifacts are known by its record, and by nothing else.
func TestLeftoversOfAnEpoch(t *testing.T) {
	s := aged{newMemory(), nil}
	spec := tinySpec()
	data := prepare(t, s.memory, spec)
	r := pretrainOn(t, newActivities(t, s.memory), experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
	left, err := Leftovers(t.Context(), s, spec.Name, nil, time.Hour)
	require.NoError(t, err)
	require.Empty(t, left)

	require.NoError(t, s.Remove(t.Context(), recordKey(r.Checkpoint.Key)))
	left, err = Leftovers(t.Context(), s, spec.Name, nil, time.Hour)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, r.Checkpoint.Key, left[0].Key)
}

func TestLeftoversRefusesToGuess(t *testing.T) {
	s := aged{newMemory(), nil}
	for _, name := range []string{"", "a/b"} {
		_, err := Leftovers(t.Context(), s, name, nil, time.Hour)
		require.ErrorContains(t, err, "want the name of one experiment")
	}
	_, err := Leftovers(t.Context(), s, "tiny", nil, 0)
	require.ErrorContains(t, err, "want an age above 0")

	_, err = s.Put(t.Context(), "experiments/tiny/pretrain/epoch-0001.json", []byte("{}"), typeJSON)
	require.NoError(t, err)
	_, err = Leftovers(t.Context(), unreadable{s}, "tiny", nil, time.Hour)
	require.ErrorIs(t, err, storage.ErrUnreachable, "a record that can't be read may name anything")
}

// unreadable is a store that goes away after its listing.
type unreadable struct{ aged }

func (unreadable) Get(context.Context, experiment.Artifact) ([]byte, error) {
	return nil, errors.Join(storage.ErrUnreachable)
}
