package integration

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	api "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"twinview/experiment"
)

// longEpochs writes a spec of two epochs that last seconds, with checkpoints inside them a few times a second.
func longEpochs(t *testing.T) string {
	t.Helper()
	return tinySpec(t, `
dataset: {name: synthetic, train_images: 2000, validation_images: 100, test_images: 100}
checkpoints: {every_seconds: 0.2}
`)
}

// A worker that is stopped inside an epoch, and another that is killed inside the next, cost neither the epoch nor a bit of
// the outcome: the next attempt goes on behind the last checkpoint that the heartbeats name.
func TestWorkersEndInsideEpochs(t *testing.T) {
	s := startStack(t)
	spec := longEpochs(t)
	smaller := []string{"--set", "pretrain.epochs=2", "--set", "linear.epochs=0", "--set", "finetune.epochs=0"}
	run := func(name string) *process {
		return s.start(t, "starter", append([]string{"run", spec, "--name", name, "--watch"}, smaller...)...)
	}

	stopped := s.startWorker(t)
	disturbed := run("disturbed")
	s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool {
		return epoch == 1 && len(h.Checkpoints) > 0
	})
	require.NoError(t, stopped.Process.Signal(syscall.SIGTERM))
	require.NoError(t, stopped.wait(t), "a signal is no failure")
	left := s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool { return attempt > 1 })
	require.Contains(t, stopped.output.String(), `msg="stopped inside the epoch"`)

	killed := s.startWorker(t)
	resumed := s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool { return h.ResumedAt > 0 })
	require.Equal(t, left.Checkpoints[0].Step, resumed.ResumedAt)
	s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool {
		return epoch == 2 && len(h.Checkpoints) > 0
	})
	killed.kill()

	last := s.startWorker(t)
	undisturbed := run("undisturbed")
	resumed = s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool {
		return epoch == 2 && attempt > 1 && h.ResumedAt > 0
	})
	require.Less(t, resumed.ResumedAt, 40, "there was something left to do")
	require.NoError(t, undisturbed.wait(t))
	require.NoError(t, disturbed.wait(t))

	got, want := s.result(t, "disturbed"), s.result(t, "undisturbed")
	for i := range want.Pretrain {
		require.Equal(t, want.Pretrain[i].Checkpoint.SHA256, got.Pretrain[i].Checkpoint.SHA256, "epoch %d", i+1)
		require.Equal(t, want.Pretrain[i].Loss, got.Pretrain[i].Loss)
		require.Equal(t, want.Pretrain[i].KNN, got.Pretrain[i].KNN)
	}
	const model = "simclr_best_epoch.pt"
	require.Equal(t, named(t, want, model).SHA256, named(t, got, model).SHA256)
	for _, name := range []string{"disturbed", "undisturbed"} {
		for _, key := range s.keys(t, "experiments/"+name+"/") {
			require.NotContains(t, key, ".partial/", "checkpoints inside epochs go with the epoch")
		}
	}

	require.NoError(t, last.Process.Signal(syscall.SIGTERM))
	require.NoError(t, last.Process.Signal(syscall.SIGINT))
	require.Error(t, last.wait(t))
	require.Contains(t, last.output.String(), "the second signal: ending at once")
}

// A cancelled experiment ends behind the present step and leaves nothing but whole epochs. Run again, it goes on with them.
func TestCancelledInsideAnEpoch(t *testing.T) {
	s := startStack(t)
	s.startWorker(t)
	spec := longEpochs(t)
	arguments := []string{"run", spec, "--name", "cancelled", "--set", "pretrain.epochs=1", "--set", "linear.epochs=0",
		"--set", "finetune.epochs=0"}
	s.must(t, arguments...)
	s.awaitHeartbeat(t, "cancelled", func(epoch, attempt int, h experiment.Heartbeat) bool { return len(h.Checkpoints) > 0 })
	require.NoError(t, s.temporal.Client.CancelWorkflow(t.Context(), "cancelled", ""))
	err := s.temporal.Client.GetWorkflow(t.Context(), "cancelled", "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "canceled")
	require.NotContains(t, fmt.Sprint(s.keys(t, "experiments/cancelled/")), "epoch-0001")

	s.must(t, append(arguments, "--watch")...)
	require.Len(t, s.result(t, "cancelled").Pretrain, 1)
}

// awaitHeartbeat returns the first heartbeat of pretraining that is wanted. The epoch is that of the activity, whatever the
// heartbeat says, and a heartbeat without details is none.
func (s *stack) awaitHeartbeat(
	t *testing.T, name string, wanted func(epoch, attempt int, h experiment.Heartbeat) bool,
) (found experiment.Heartbeat) {
	t.Helper()
	eventually(t, "a heartbeat of "+name, func(ctx context.Context) bool {
		description, err := s.temporal.Client.DescribeWorkflowExecution(ctx, name+"/pretraining", "")
		if err != nil {
			return false
		}
		epoch := scheduled(ctx, s.temporal.Client, name+"/pretraining")
		for _, a := range description.GetPendingActivities() {
			h, ok := heartbeatOf(a)
			if ok && h.Epoch == epoch && wanted(epoch, int(a.GetAttempt()), h) {
				found = h
				return true
			}
		}
		return false
	})
	return found
}

func heartbeatOf(a *api.PendingActivityInfo) (h experiment.Heartbeat, ok bool) {
	if a.GetActivityType().GetName() != experiment.ActivityPretrainEpoch || a.GetHeartbeatDetails() == nil {
		return h, false
	}
	err := converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &h)
	return h, err == nil
}
