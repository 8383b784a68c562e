package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/layout"
	"twinview/storage"
)

// aged is a store whose objects were all written two hours ago.
type aged struct{ *memory }

func (s aged) Objects(_ context.Context, prefix string) ([]storage.Object, error) {
	var found []storage.Object
	for rest := range s.keys(prefix) {
		found = append(found, storage.Object{Key: prefix + rest, Modified: time.Now().Add(-2 * time.Hour)})
	}
	return found, nil
}

// A real epoch's artifacts are known by its record, and by nothing else; its checkpoints between two steps are left alone while
// another attempt may go on from them.
func TestLeftoversOfAnEpoch(t *testing.T) {
	s := aged{newMemory()}
	in, _ := longEpoch(t, s.memory, 1e-9)
	leftovers := func(ended bool) int {
		left, err := layout.Leftovers(t.Context(), s, in.Spec.Name, layout.Known{Ended: ended}, time.Hour)
		require.NoError(t, err)
		return len(left)
	}
	a := newActivities(t, s.memory)
	a.diesAfter(6)
	_, err := pretrainFrom(t, a, in, nil, nil)
	requireType(t, err, errorUnexpected, true)
	inside := len(s.keys(partialFolder))
	require.GreaterOrEqual(t, inside, 2*keptCheckpoints)
	require.Zero(t, leftovers(false))
	require.Equal(t, inside, leftovers(true))

	r := pretrainOn(t, newActivities(t, s.memory), in)
	require.Zero(t, leftovers(true))
	require.NoError(t, s.Remove(t.Context(), recordKey(r.Checkpoint.Key)))
	require.Zero(t, leftovers(false), "an attempt may be about to record it")
	require.Equal(t, 1, leftovers(true))
}
