package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// Pretraining diverges, goes back and on with smaller learning rates, and its worker is killed there. It ends in the bits of one
// that diverged too and that nobody disturbed.
func TestDivergedAndKilled(t *testing.T) {
	s := startStack(t)
	spec := tinySpec(t, syntheticSet)
	// A decay of the whole weight at this rate makes weights a thousand times as large in each step, until they are infinite.
	wild := []string{
		"--set", "pretrain.optimizer.name=sgd", "--set", "pretrain.optimizer.learning_rate=1000",
		"--set", "pretrain.optimizer.weight_decay=1", "--set", "linear.epochs=0", "--set", "finetune.epochs=0",
	}
	run := func(name string, more ...string) *process {
		arguments := append([]string{"run", spec, "--name", name, "--watch"}, wild...)
		return s.start(t, "starter", append(arguments, more...)...)
	}
	allowed := []string{"--set", "pretrain.divergence.rate_factor=0.0001"}

	first := s.startWorker(t)
	disturbed := run("disturbed", allowed...)
	s.awaitEpoch(t, "disturbed", 2)
	first.kill()
	s.startWorker(t)
	undisturbed, refused := run("undisturbed", allowed...), run("refused")
	require.NoError(t, undisturbed.wait(t))
	require.NoError(t, disturbed.wait(t))
	require.Error(t, refused.wait(t))
	require.Contains(t, refused.output.String(), `"divergence: {}" to pretrain`)

	got, want := s.result(t, "disturbed"), s.result(t, "undisturbed")
	for i := range want.Pretrain {
		require.Equal(t, want.Pretrain[i].Checkpoint.SHA256, got.Pretrain[i].Checkpoint.SHA256, "epoch %d", i+1)
		require.Equal(t, want.Pretrain[i].Loss, got.Pretrain[i].Loss)
	}
	retry := experiment.Retried(got.Pretrain)
	require.NotNil(t, retry)
	require.Equal(t, experiment.Retried(want.Pretrain), retry)
	require.Equal(t, 1, retry.Epoch)
	require.Equal(t, 0.0001, retry.RateFactor)
	for _, p := range []*process{disturbed, undisturbed} {
		require.Contains(t, p.output.String(), "epoch 1 diverged in step")
	}
	require.Contains(t, s.must(t, "show", "disturbed"), retry.String())
}
