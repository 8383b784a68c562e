package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/engine"
	"twinview/experiment"
)

// version1 are files that programs wrote before states had a version: two states of spec.json, trained on tinyImages(13) by
// the reference machine. A change after which they can't be read needs a new StateVersion and a folder of its own.
const version1 = "testdata/version1"

func goldenSpec(t *testing.T) *experiment.Spec {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(version1, "spec.json"))
	require.NoError(t, err)
	spec := &experiment.Spec{}
	require.NoError(t, json.Unmarshal(data, spec))
	return spec
}

func goldenState(t *testing.T, name string) *State {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(version1, name))
	require.NoError(t, err)
	s, err := ReadState(bytes.NewReader(data))
	require.NoError(t, err)
	return s
}

// requireTensors compares all names, shapes and bits of the model and of the optimiser's buffers with what was recorded.
func requireTensors(t *testing.T, s *State, digest string) {
	t.Helper()
	sum := sha256.New()
	require.NoError(t, checkpoint.WriteSafetensors(sum, slices.Concat(s.tensors, s.buffers), nil))
	require.Equal(t, digest, fmt.Sprintf("%x", sum.Sum(nil)))
	require.Equal(t, s, reread(t, s), "written in today's version, it is the same")
}

// The bits of an epoch depend on the processor, so what comes out is compared with what was recorded within rounding.
const goldenDelta = 1e-3

func TestStateOfVersion1InsideAnEpochIsGoneOnWith(t *testing.T) {
	spec := goldenSpec(t)
	s := goldenState(t, "pretrain-inside-epoch-2.safetensors")
	requireTensors(t, s, "604e3482194f027136e8edf39b86d32635bba637fed41c69050000770a815814")
	require.Equal(t, experiment.StagePretrain, s.stage)
	require.Equal(t, [3]int{1, 5, 2}, [3]int{s.Epoch, s.Step, s.StepsDone()})
	require.Equal(t, progress{
		Done: 2, Steps: 3, Loss: 1.0816898345947266, LearningRate: 0.037500000000000006, Seconds: s.progress.Seconds,
		DataWaitSeconds: s.progress.DataWaitSeconds,
	}, *s.progress)
	require.Positive(t, s.progress.Seconds)

	stats, err := PretrainEpoch(t.Context(), spec, tinyImages(13), s, onReference)
	require.NoError(t, err)
	require.InDelta(t, 1.8497584660847983, stats.Loss, goldenDelta)
	require.Equal(t, [3]int{2, 6, 0}, [3]int{s.Epoch, s.Step, s.StepsDone()})
}

func TestStateOfVersion1BetweenEpochsIsGoneOnWith(t *testing.T) {
	spec := goldenSpec(t)
	s := goldenState(t, "linear_augmented-epoch-2.safetensors")
	requireTensors(t, s, "df7b494c8b4e39945f10746fe9fde1cda066182e4466b2ab35b8bf5e63856ff7")
	require.Equal(t, experiment.StageLinearAugmented, s.stage)
	require.Equal(t, [3]int{2, 6, 0}, [3]int{s.Epoch, s.Step, s.StepsDone()})
	require.Equal(t, engine.Kernels{"precision": "float32"}, s.kernels)
	require.Nil(t, s.progress)

	encoder := goldenState(t, "pretrain-inside-epoch-2.safetensors")
	_, err := LinearAugmentedEpoch(t.Context(), spec, tinyImages(13), encoder, s, onReference)
	require.NoError(t, err)
	require.Equal(t, [3]int{3, 9, 0}, [3]int{s.Epoch, s.Step, s.StepsDone()})
}

func TestReadStateRefusesNewerVersions(t *testing.T) {
	read := func(version string) error {
		var b bytes.Buffer
		metadata := map[string]string{"epoch": "1", "step": "4", "version": version}
		require.NoError(t, checkpoint.WriteSafetensors(&b, nil, metadata))
		_, err := ReadState(&b)
		return err
	}
	require.NoError(t, read(strconv.Itoa(StateVersion)))
	err := read(strconv.Itoa(StateVersion + 1))
	var newer *experiment.VersionError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, experiment.VersionError{File: "training state", Version: StateVersion + 1, Newest: StateVersion}, *newer)
	for _, impossible := range []string{"0", "-1", "", "two"} {
		err := read(impossible)
		require.Error(t, err, impossible)
		require.NotErrorAs(t, err, &newer, impossible)
	}
}
