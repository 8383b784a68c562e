package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/storage/storagetest"
)

// The newest checkpoint of an epoch loses a bit on the store's drive while no worker runs. The next one names it, trains that
// epoch again from the checkpoint before it, and the experiment ends in the bits of one that nobody disturbed.
func TestDamagedCheckpoint(t *testing.T) {
	s := startStack(t)
	spec := tinySpec(t, syntheticSet)
	first := s.startWorker(t)
	disturbed := s.start(t, "starter", "run", spec, "--name", "disturbed", "--watch")
	s.awaitEpoch(t, "disturbed", 3)
	first.kill()
	const damaged = "experiments/disturbed/pretrain/epoch-0002.safetensors"
	storagetest.Flip(t, s.server.File(t, s.store.Bucket(), damaged), 10_000)

	second := s.startWorker(t)
	undisturbed := s.start(t, "starter", "run", spec, "--name", "undisturbed", "--watch")
	require.NoError(t, undisturbed.wait(t))
	require.NoError(t, disturbed.wait(t))
	require.Contains(t, second.output.String(), "set aside")
	require.Contains(t, second.output.String(), damaged)

	got, want := s.result(t, "disturbed"), s.result(t, "undisturbed")
	require.Equal(t, losses(want), losses(got), "each epoch counts once")
	for i := range want.Pretrain {
		require.Equal(t, want.Pretrain[i].Checkpoint.SHA256, got.Pretrain[i].Checkpoint.SHA256, "epoch %d", i+1)
		_, err := s.store.Get(t.Context(), got.Pretrain[i].Checkpoint)
		require.NoError(t, err)
	}
	require.Equal(t, first.identity(t), got.Pretrain[0].Worker, "the epoch before it counts")
	require.Equal(t, second.identity(t), got.Pretrain[1].Worker)
	for _, model := range []string{"simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt"} {
		require.Equal(t, named(t, want, model).SHA256, named(t, got, model).SHA256, "%s has the same bits", model)
	}
	requireFiles(t, s, got)
	aside := s.keys(t, "experiments/disturbed/corrupt/")
	if len(aside) == 0 { // a server that can't read it leaves it where it is
		require.NotEqual(t, damaged, got.Pretrain[1].Checkpoint.Key)
		aside = s.keys(t, damaged)
	}
	require.Len(t, aside, 1, "for people to look at")
}
