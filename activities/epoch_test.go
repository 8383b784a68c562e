package activities

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/experiment"
	"twinview/storage"
)

// idle is a worker that can't compute: what it returns, it has found.
func idle(t *testing.T, s Store) *Activities {
	a := newActivities(t, s)
	a.Compile = func(experiment.Compute) engine.Compiler {
		return func(*gorgonia.ExprGraph, gorgonia.Nodes, engine.Kernels) (engine.Machine, error) {
			return nil, errors.New("this worker must not train")
		}
	}
	return a
}

func firstEpoch(t *testing.T, s *memory) experiment.PretrainEpochInput {
	spec := tinySpec()
	return experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec), Epoch: 1}
}

func pretrainOn(t *testing.T, a *Activities, in experiment.PretrainEpochInput) experiment.PretrainEpoch {
	t.Helper()
	return must[experiment.PretrainEpoch](t, a, experiment.ActivityPretrainEpoch, in)
}

// A worker that has published everything but dies before Temporal hears of it has not worked in vain.
func TestFinishedEpochIsNotTrainedAgain(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	done := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, "experiments/tiny/pretrain/epoch-0001.safetensors", done.Checkpoint.Key)
	require.Equal(t, "worker", done.Worker)
	require.Equal(t, in.Spec.Augment.Size, done.Size)
	require.Equal(t, done, pretrainOn(t, idle(t, s), in))
}

// A worker that dies between the checkpoint and its record leaves a checkpoint that the next attempt makes again.
func TestEpochWithoutRecordIsTrainedAgainInTheSameBits(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	s.failPut = func(key string) error {
		if strings.HasSuffix(key, ".json") {
			return errors.New("killed")
		}
		return nil
	}
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, errorUnexpected, true)
	left, err := s.Stat(t.Context(), "experiments/tiny/pretrain/epoch-0001.safetensors")
	require.NoError(t, err)

	s.failPut = nil
	require.Equal(t, left, pretrainOn(t, newActivities(t, s), in).Checkpoint)
}

// Two workers that round differently may both train an epoch. The first record counts, for the slower one too.
func TestSlowerAttemptTakesTheRecordOfTheFaster(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	other := in
	other.Spec.Pretrain.Optimizer.LearningRate *= 1.0001 // as another processor might
	slow, fast := newActivities(t, s), newActivities(t, s)
	var winner experiment.PretrainEpoch
	s.failPut = func(key string) error {
		if strings.HasSuffix(key, "epoch-0001.json") {
			s.failPut = nil
			s.mu.Unlock()
			defer s.mu.Lock()
			winner = pretrainOn(t, fast, other)
		}
		return nil
	}
	got := pretrainOn(t, slow, in)
	require.Equal(t, winner, got)
	require.Equal(t, "experiments/tiny/pretrain/epoch-0001."+got.Checkpoint.SHA256[:12]+".safetensors", got.Checkpoint.Key,
		"the slower had stored its own already, and it is still there")
	require.Contains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0001.safetensors")
	_, err := s.Get(t.Context(), got.Checkpoint)
	require.NoError(t, err)
}

func TestUnrecordedCheckpointOfOtherBitsIsLeftAlone(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	_, err := s.Put(t.Context(), "experiments/tiny/pretrain/epoch-0001.safetensors", []byte("half a checkpoint"), typeBinary)
	require.NoError(t, err)
	done := pretrainOn(t, newActivities(t, s), in)
	stored, err := s.Stat(t.Context(), done.Checkpoint.Key)
	require.NoError(t, err)
	require.Equal(t, done.Checkpoint, stored)
	require.Equal(t, "half a checkpoint", string(s.objects["experiments/tiny/pretrain/epoch-0001.safetensors"]))
	require.Equal(t, done, pretrainOn(t, newActivities(t, s), in), "its record is found")
}

func TestAnotherWorkerGoesOnInTheSameBits(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	a := newActivities(t, s)
	first := pretrainOn(t, a, in)
	in.Epoch, in.From = 2, &first.Checkpoint
	second := pretrainOn(t, a, in)
	require.Equal(t, 2*first.Step, second.Step)
	require.NotNil(t, second.KNN, "the last epoch is monitored")
	require.Positive(t, second.KNNSeconds)
	require.Zero(t, first.KNNSeconds)

	for _, key := range []string{second.Checkpoint.Key, recordKey(second.Checkpoint.Key)} {
		require.NoError(t, s.Remove(t.Context(), key))
	}
	again := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, second.Checkpoint, again.Checkpoint)
	require.Equal(t, second.Loss, again.Loss)
	require.Equal(t, second.KNN, again.KNN)
}

func TestEpochFromAnotherCheckpointIsAConflict(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	pretrainOn(t, newActivities(t, s), in)
	in.From = &experiment.Artifact{Key: "experiments/tiny/pretrain/other", SHA256: "other"}
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorConflict, false)
}

func TestCorruptCheckpointIsNeverTrainedFrom(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	first := pretrainOn(t, newActivities(t, s), in)
	s.objects[first.Checkpoint.Key][100]++
	in.Epoch, in.From = 2, &first.Checkpoint
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorCorruptArtifact, false)
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0002.safetensors")
}

func TestDivergedEpochIsNotTriedAgain(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	spec.Pretrain.Optimizer.LearningRate = 1e30
	in := experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec), Epoch: 1}
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorDiverged, false)
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0001.safetensors")
}

// What no record names may have been damaged since, and what lies beside it under its content's key too.
func TestDamagedCheckpointWithoutRecord(t *testing.T) {
	s := newMemory()
	const key = "experiments/tiny/pretrain/epoch-0001.safetensors"
	own := contentKey(key, []byte("checkpoint"))
	for _, damaged := range []string{key, own} {
		s.objects[damaged] = []byte("half a checkp")
		s.failPut = func(to string) error {
			if string(s.objects[to]) == "half a checkp" {
				return fmt.Errorf("%w: %s", storage.ErrCorrupt, to)
			}
			return nil
		}
		a, err := put(t.Context(), s, key, []byte("checkpoint"), typeBinary)
		require.NoError(t, err)
		require.Equal(t, own, a.Key)
		data, err := s.Get(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, "checkpoint", string(data))
		require.Equal(t, "half a checkp", string(s.objects[key]), "it is for people to look at")
	}
}
