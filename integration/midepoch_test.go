package integration

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	api "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"twinview/experiment"
)

// longEpochs writes a spec of two epochs that last seconds, with checkpoints inside them a few times a second.
func longEpochs(t *testing.T) string {
	t.Helper()
	return tinySpec(t, `
dataset: {name: synthetic, train_images: 4000, validation_images: 100, test_images: 100}
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
	// Nobody polls the killed worker's own queue: the epoch comes to the shared one as a new activity.
	resumed = s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool {
		return epoch == 2 && h.ResumedAt > 0
	})
	require.Less(t, resumed.ResumedAt, 80, "there was something left to do")
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

// A paused epoch stops behind its present step and goes on from there. A cancelled experiment ends behind the present step and
// leaves nothing of it.
func TestPausedAndCancelledInsideAnEpoch(t *testing.T) {
	s := startStack(t)
	w := s.startWorker(t)
	const name = "cancelled"
	// Pauses and cancellations arrive with heartbeats, every few seconds, so the epoch is longer than that on any machine.
	s.must(t, "run", longEpochs(t), "--name", name, "--set", "dataset.train_images=20000")
	s.awaitHeartbeat(t, name, func(epoch, attempt int, h experiment.Heartbeat) bool { return len(h.Checkpoints) > 0 })

	service, execution := s.temporal.Client.WorkflowService(), &common.WorkflowExecution{WorkflowId: name + "/pretraining"}
	_, err := service.PauseActivity(t.Context(), &workflowservice.PauseActivityRequest{
		Namespace: client.DefaultNamespace, Execution: execution,
		Activity: &workflowservice.PauseActivityRequest_Type{Type: experiment.ActivityPretrainEpoch},
	})
	require.NoError(t, err)
	left := s.awaitHeartbeat(t, name, func(epoch, attempt int, h experiment.Heartbeat) bool { return attempt > 1 })
	require.Contains(t, w.output.String(), `cause="activity paused"`)
	_, err = service.UnpauseActivity(t.Context(), &workflowservice.UnpauseActivityRequest{
		Namespace: client.DefaultNamespace, Execution: execution,
		Activity: &workflowservice.UnpauseActivityRequest_Type{Type: experiment.ActivityPretrainEpoch},
	})
	require.NoError(t, err)
	resumed := s.awaitHeartbeat(t, name, func(epoch, attempt int, h experiment.Heartbeat) bool { return h.ResumedAt > 0 })
	require.Equal(t, left.Checkpoints[0].Step, resumed.ResumedAt)

	require.NoError(t, s.temporal.Client.CancelWorkflow(t.Context(), name, ""))
	err = s.temporal.Client.GetWorkflow(t.Context(), name, "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "canceled")
	require.Equal(t, []string{"experiments/" + name + "/spec.yaml"}, s.keys(t, "experiments/"+name+"/"))
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
