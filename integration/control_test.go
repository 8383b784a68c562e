package integration

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// An epoch that is paused from the command line leaves its worker free for another experiment, and once resumed goes on in the
// same bits. Another number of epochs holds from the next one on, and a stopped pretraining is evaluated with what it has.
func TestControlFromTheCommandLine(t *testing.T) {
	s := startStack(t)
	w := s.startWorker(t)
	spec := longEpochs(t)
	// Interruptions arrive with heartbeats, every few seconds, so the epochs are longer than that on any machine.
	smaller := []string{"--set", "dataset.train_images=20000", "--set", "linear.epochs=0", "--set", "finetune.epochs=0"}
	run := func(name, epochs string) {
		s.must(t, append([]string{"run", spec, "--name", name, "--set", "pretrain.epochs=" + epochs}, smaller...)...)
	}

	run("disturbed", "1")
	s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool { return len(h.Checkpoints) > 0 })
	require.Contains(t, s.must(t, "pause", "disturbed"), "disturbed: paused in stage pretrain")
	s.refused(t, 1, []string{"pause", "disturbed"}, "is paused already")
	require.Contains(t, s.must(t, "show", "disturbed"), "disturbed is paused")

	run("undisturbed", "1")
	s.must(t, "watch", "undisturbed")
	require.Contains(t, w.output.String(), `msg="stopped inside the epoch"`)
	require.False(t, training(t.Context(), s.temporal.Client, "disturbed/pretraining"), "it waits, and the worker was free")

	require.Contains(t, s.must(t, "resume", "disturbed"), "disturbed: resumed in stage pretrain")
	resumed := s.awaitHeartbeat(t, "disturbed", func(epoch, attempt int, h experiment.Heartbeat) bool { return h.ResumedAt > 0 })
	require.Less(t, resumed.ResumedAt, 400, "there was something left to do")
	s.must(t, "extend", "disturbed", "--epochs", "3")
	s.awaitEpoch(t, "disturbed", 2)
	require.Contains(t, s.must(t, "stop", "disturbed"), "epochs done: 1")
	s.must(t, "watch", "disturbed")
	s.refused(t, 1, []string{"stop", "disturbed"}, "that experiment is finished")

	got, want := s.result(t, "disturbed"), s.result(t, "undisturbed")
	require.Len(t, got.Pretrain, 1)
	require.Equal(t, want.Pretrain[0].Checkpoint.SHA256, got.Pretrain[0].Checkpoint.SHA256)
	require.Equal(t, want.Pretrain[0].Loss, got.Pretrain[0].Loss)
	require.Equal(t, want.Pretrain[0].KNN, got.Pretrain[0].KNN)
	const model = "simclr_best_epoch.pt"
	require.Equal(t, named(t, want, model).SHA256, named(t, got, model).SHA256)
	require.Equal(t, want.Test.KNNAccuracy, got.Test.KNNAccuracy)
	var updates []string
	for _, c := range got.Changes {
		updates = append(updates, c.Update)
	}
	require.Equal(t, []string{
		experiment.UpdatePause, experiment.UpdateResume, experiment.UpdateExtend, experiment.UpdateStop,
	}, updates)
	for _, key := range s.keys(t, "experiments/disturbed/") {
		require.NotContains(t, key, ".partial/")
		require.NotContains(t, key, "epoch-0002")
	}
}

// An extended pretraining trains all of its epochs, and the spec that says how repeats it in the same bits.
func TestExtendedPretrainingCanBeRepeated(t *testing.T) {
	s := startStack(t)
	s.startWorker(t)
	spec := tinySpec(t, syntheticSet)
	smaller := []string{"--set", "linear.epochs=0", "--set", "finetune.epochs=0"}
	run := func(name string, more ...string) {
		s.must(t, append(append([]string{"run", spec, "--name", name}, more...), smaller...)...)
	}
	// Nothing runs while the change is made, whichever epoch was reached.
	run("extended", "--set", "pretrain.epochs=400")
	s.awaitEpoch(t, "extended", 2)
	s.must(t, "pause", "extended")
	done := 0
	eventually(t, "the pause", func(ctx context.Context) bool {
		var shown struct{ Progress experiment.Progress }
		require.NoError(t, json.Unmarshal([]byte(s.must(t, "show", "extended", "-o", "json")), &shown))
		done = len(shown.Progress.Pretrain)
		return !training(ctx, s.temporal.Client, "extended/pretraining")
	})
	s.must(t, "extend", "extended", "--epochs", strconv.Itoa(done+3))
	s.must(t, "resume", "extended")
	s.must(t, "watch", "extended")
	got := s.result(t, "extended")
	require.Len(t, got.Pretrain, done+3)

	until := 0
	for _, e := range got.Pretrain {
		if e.Planned == 400 {
			until = e.Epoch
		}
	}
	require.GreaterOrEqual(t, until, done)
	require.Less(t, until, done+3)
	run("repeated", "--set", "pretrain.epochs="+strconv.Itoa(done+3),
		"--set", "pretrain.earlier_plans=[{until: "+strconv.Itoa(until)+", epochs: 400}]")
	s.must(t, "watch", "repeated")
	want := s.result(t, "repeated")
	for i := range want.Pretrain {
		require.Equal(t, want.Pretrain[i].LearningRate, got.Pretrain[i].LearningRate)
		require.Equal(t, want.Pretrain[i].Planned, got.Pretrain[i].Planned)
		require.Equal(t, want.Pretrain[i].Checkpoint.SHA256, got.Pretrain[i].Checkpoint.SHA256, "epoch %d", i+1)
	}
}
