package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// Heartbeat details come from a server that keeps what any worker of the namespace sent: of another type they count as none, and
// checkpoints that are not this epoch's are never read.
func TestHostileHeartbeatsCostNoMoreThanTheEpoch(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 3600)
	for name, details := range map[string]any{
		"text": "what?", "list": []int{1}, "other types": map[string]any{"step": "one", "checkpoints": 7},
		"checkpoint elsewhere": experiment.Heartbeat{Checkpoints: []experiment.StepCheckpoint{
			{Step: 9, Checkpoint: experiment.Artifact{Key: "experiments/tiny/pretrain/epoch-0001.partial/../../../other", Size: 1 << 60}},
			{Step: -1, Checkpoint: experiment.Artifact{Key: "/etc/passwd"}},
			{},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for key := range s.keys("experiments/tiny/pretrain/") {
				require.NoError(t, s.Remove(t.Context(), "experiments/tiny/pretrain/"+key))
			}
			env := newEnvironment(newActivities(t, s))
			env.SetHeartbeatDetails(details)
			value, err := env.ExecuteActivity(experiment.ActivityPretrainEpoch, in)
			require.NoError(t, err)
			var got experiment.PretrainEpoch
			require.NoError(t, value.Get(&got))
			require.Equal(t, want.Checkpoint, got.Checkpoint)
		})
	}
}
