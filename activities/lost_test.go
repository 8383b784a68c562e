package activities

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
	"twinview/storage"
)

// requireLost checks that an activity's error names the artifact for the workflow.
func requireLost(t *testing.T, err error, want experiment.Artifact) {
	t.Helper()
	requireType(t, err, experiment.ErrorCorruptArtifact, false)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.True(t, application.HasDetails(), "%v", err)
	var got experiment.Artifact
	require.NoError(t, application.Details(&got))
	require.Equal(t, want, got)
	require.ErrorContains(t, err, want.Key)
}

func rollBack(t *testing.T, s Store, checkpoints ...experiment.Artifact) experiment.RolledBack {
	t.Helper()
	in := experiment.RollBackInput{Experiment: "tiny", Checkpoints: checkpoints}
	return must[experiment.RolledBack](t, newActivities(t, s), experiment.ActivityRollBack, in)
}

// twoEpochs pretrains on s, each epoch on a worker of its own.
func twoEpochs(t *testing.T, s *memory) (in experiment.PretrainEpochInput, epochs []experiment.PretrainEpoch) {
	t.Helper()
	in = firstEpoch(t, s)
	for in.Epoch = 1; in.Epoch <= 2; in.Epoch++ {
		epochs = append(epochs, pretrainOn(t, newActivities(t, s), in))
		in.From = &epochs[in.Epoch-1].Checkpoint
	}
	return in, epochs
}

// A damaged checkpoint is named, set aside, and its epoch trained again from the one before it, in the same bits. The epoch
// after it is found by its record.
func TestDamagedCheckpointIsMadeAgain(t *testing.T) {
	s := newMemory()
	in, epochs := twoEpochs(t, s)
	first := epochs[0].Checkpoint
	s.objects[first.Key][100]++
	damaged := string(s.objects[first.Key])

	choose := experiment.SelectCheckpointInput{Spec: in.Spec, Epochs: epochs[:1]}
	choose.Epochs[0].KNN = new(0.5)
	_, err := run[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectCheckpoint, choose)
	requireLost(t, err, first)

	for range 2 { // the answer of the first may be lost
		require.Zero(t, rollBack(t, s, first).Epochs)
	}
	require.Equal(t, damaged, string(s.objects["experiments/tiny/corrupt/pretrain/epoch-0001.safetensors"]))
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0001.safetensors")
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0001.json")

	in.Epoch, in.From = 1, nil
	again := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, first, again.Checkpoint)
	require.Equal(t, epochs[0].Loss, again.Loss)
	in.Epoch, in.From = 2, &again.Checkpoint
	require.Equal(t, epochs[1], pretrainOn(t, idle(t, s), in))
}

// Training goes on from the newest checkpoint that can be read: those that are missing behind it, as retention leaves it, are
// made again too.
func TestRollBackFindsTheNewestCheckpoint(t *testing.T) {
	s := newMemory()
	var checkpoints []experiment.Artifact
	for epoch := 1; epoch <= 4; epoch++ {
		key := epochKey("tiny", "pretrain", epoch)
		if epoch == 4 { // as put does where other bytes are in the way
			key = contentKey(key, []byte("weights 4"))
		}
		a, err := s.Put(t.Context(), key, fmt.Appendf(nil, "weights %d", epoch), typeBinary)
		require.NoError(t, err)
		_, err = s.Put(t.Context(), fmt.Sprintf("experiments/tiny/pretrain/epoch-%04d.json", epoch), []byte("{}"), typeJSON)
		require.NoError(t, err)
		checkpoints = append(checkpoints, a)
	}
	require.Equal(t, experiment.RolledBack{Epochs: 4}, rollBack(t, s, checkpoints...), "nothing is damaged")
	require.Len(t, s.objects, 8)

	s.objects[checkpoints[3].Key][0]++
	s.objects[checkpoints[1].Key] = nil
	delete(s.objects, checkpoints[2].Key)
	require.Equal(t, experiment.RolledBack{Epochs: 1, Aside: []string{
		corruptKey(checkpoints[3].Key), "experiments/tiny/corrupt/pretrain/epoch-0002.safetensors",
	}}, rollBack(t, s, checkpoints...))
	require.Equal(t, map[string]bool{
		"pretrain/epoch-0001.safetensors": true, "pretrain/epoch-0001.json": true,
		"corrupt/pretrain/epoch-0002.safetensors":                                    true,
		"corrupt/pretrain/" + checkpoints[3].Key[len("experiments/tiny/pretrain/"):]: true,
	}, s.keys("experiments/tiny/"))

	outside := experiment.RollBackInput{Experiment: "other", Checkpoints: checkpoints[:1]}
	_, err := run[experiment.RolledBack](t, newActivities(t, s), experiment.ActivityRollBack, outside)
	requireType(t, err, experiment.ErrorBadSpec, false)
}

// Where the server itself can't read a damaged object, it stays, and the epoch goes beside it.
func TestCheckpointThatTheServerCannotReadStays(t *testing.T) {
	s := &refusing{memory: newMemory()}
	in := firstEpoch(t, s.memory)
	first := pretrainOn(t, newActivities(t, s), in)
	s.key = first.Checkpoint.Key
	require.Equal(t, experiment.RolledBack{Aside: []string{s.key}}, rollBack(t, s, first.Checkpoint))
	again := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, first.Checkpoint.SHA256, again.Checkpoint.SHA256)
	require.NotEqual(t, s.key, again.Checkpoint.Key)
	require.Equal(t, again, pretrainOn(t, idle(t, s), in))
	require.Contains(t, s.objects, s.key, "it is for people to look at")
}

// refusing is a store that checks what it reads, with one object that does not pass.
type refusing struct {
	*memory
	key string
}

func (r *refusing) refuse(key string) error {
	if key == r.key {
		return fmt.Errorf("%w: %s does not pass the server's own checks", storage.ErrCorrupt, key)
	}
	return nil
}

func (r *refusing) Get(ctx context.Context, a experiment.Artifact) ([]byte, error) {
	if err := r.refuse(a.Key); err != nil {
		return nil, err
	}
	return r.memory.Get(ctx, a)
}

func (r *refusing) Put(ctx context.Context, key string, data []byte, contentType string) (experiment.Artifact, error) {
	if err := r.refuse(key); err != nil {
		return experiment.Artifact{}, err
	}
	return r.memory.Put(ctx, key, data, contentType)
}

func (r *refusing) Move(ctx context.Context, from, to string) error {
	if err := r.refuse(from); err != nil {
		return err
	}
	return r.memory.Move(ctx, from, to)
}

// A worker that takes up a recorded epoch whose checkpoint, or whose record, is damaged trains it again by itself.
func TestDamagedRecordedEpochIsTrainedAgain(t *testing.T) {
	for _, file := range []string{"epoch-0001.safetensors", "epoch-0001.json"} {
		t.Run(file, func(t *testing.T) {
			s := newMemory()
			in := firstEpoch(t, s)
			done := pretrainOn(t, newActivities(t, s), in)
			s.damage("experiments/tiny/pretrain/" + file)
			again := pretrainOn(t, newActivities(t, s), in)
			require.Equal(t, done.Checkpoint, again.Checkpoint)
			require.Equal(t, again, pretrainOn(t, idle(t, s), in))
		})
	}
}

// The classifiers of linear evaluation lie in one artifact, which is made again where it is lost.
func TestLostClassifiersAreTrainedAgain(t *testing.T) {
	s := newMemory()
	in, epochs := twoEpochs(t, s)
	best := experiment.Selection{Epoch: 2, Checkpoint: epochs[1].Checkpoint}
	evaluate := experiment.EvaluateLinearInput{Spec: in.Spec, Data: in.Data, Best: best}
	done := must[experiment.Classification](t, newActivities(t, s), experiment.ActivityEvaluateLinear, evaluate)
	for name, harm := range map[string]func(key string){"damaged": s.damage, "gone": func(key string) { delete(s.objects, key) }} {
		t.Run(name, func(t *testing.T) {
			harm(done.Heads.Key)
			test := experiment.EvaluateTestInput{Spec: in.Spec, Data: in.Data, Best: best, Linear: done}
			_, err := run[experiment.TestResult](t, newActivities(t, s), experiment.ActivityEvaluateTest, test)
			requireLost(t, err, *done.Heads)
			again := must[experiment.Classification](t, newActivities(t, s), experiment.ActivityEvaluateLinear, evaluate)
			require.Equal(t, done.Heads, again.Heads)
			require.Equal(t, done.Best, again.Best)
		})
	}
}

// Whoever reads the checkpoint of an epoch that is lost names it.
func TestLostCheckpointsAreNamed(t *testing.T) {
	s := newMemory()
	in, epochs := twoEpochs(t, s)
	encoder, epoch := epochs[1].Checkpoint, epochs[0].Checkpoint
	best := experiment.Selection{Epoch: 2, Checkpoint: encoder}
	require.NoError(t, experiment.Set(&in.Spec, "linear_augmented.epochs=2"))
	delete(s.objects, encoder.Key)
	s.damage(epoch.Key)
	classified := []experiment.ClassifierEpoch{{Epoch: 1, Checkpoint: &epoch}}
	for _, test := range []struct {
		activity string
		in       any
		want     experiment.Artifact
	}{
		{experiment.ActivityPretrainEpoch, experiment.PretrainEpochInput{
			Spec: in.Spec, Data: in.Data, Epoch: 3, From: &encoder}, encoder},
		{experiment.ActivityEvaluateLinear, experiment.EvaluateLinearInput{Spec: in.Spec, Data: in.Data, Best: best}, encoder},
		{experiment.ActivityLinearAugmentedEpoch, experiment.LinearAugmentedEpochInput{
			Spec: in.Spec, Data: in.Data, Best: best, Epoch: 1}, encoder},
		{experiment.ActivityLinearAugmentedEpoch, experiment.LinearAugmentedEpochInput{
			Spec: in.Spec, Data: in.Data, Best: best, Epoch: 2, From: &epoch}, epoch},
		{experiment.ActivityFinetuneEpoch, experiment.FinetuneEpochInput{
			Spec: in.Spec, Data: in.Data, Best: best, Epoch: 1}, encoder},
		{experiment.ActivityFinetuneEpoch, experiment.FinetuneEpochInput{
			Spec: in.Spec, Data: in.Data, Best: best, Epoch: 2, From: &epoch}, epoch},
		{experiment.ActivitySelectFinetuned, experiment.SelectFinetunedInput{Spec: in.Spec, Epochs: classified}, epoch},
		{experiment.ActivityEvaluateTest, experiment.EvaluateTestInput{Spec: in.Spec, Data: in.Data, Best: best}, encoder},
	} {
		_, err := newEnvironment(newActivities(t, s)).ExecuteActivity(test.activity, test.in)
		requireLost(t, err, test.want)
	}
}
