package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

func prepareError(t *testing.T, s *memory, spec experiment.Spec) error {
	t.Helper()
	in := experiment.PrepareDataInput{Spec: spec}
	_, err := run[experiment.PreparedData](t, newActivities(t, s), experiment.ActivityPrepareData, in)
	require.Error(t, err)
	return err
}

// archiveSpec names a file with the given content as its source.
func archiveSpec(t *testing.T, content string) (experiment.Spec, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.tar.gz")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	sum := sha256.Sum256([]byte(content))
	spec := tinySpec()
	spec.Dataset.Name, spec.Dataset.Source = experiment.CIFAR10, path
	return spec, hex.EncodeToString(sum[:])
}

func TestWrongDigestStoresNothing(t *testing.T) {
	spec, _ := archiveSpec(t, "not what was expected")
	spec.Dataset.SHA256 = strings.Repeat("0", 64)
	s := newMemory()
	requireType(t, prepareError(t, s, spec), experiment.ErrorBadData, false)
	require.Empty(t, s.objects)
}

func TestMalformedArchiveStoresNothing(t *testing.T) {
	spec, sum := archiveSpec(t, "no archive")
	spec.Dataset.SHA256 = sum
	s := newMemory()
	requireType(t, prepareError(t, s, spec), experiment.ErrorBadData, false)
	require.Empty(t, s.objects)
}

func TestMissingSourceNamesTheField(t *testing.T) {
	spec := tinySpec()
	spec.Dataset.Name, spec.Dataset.Source = experiment.CIFAR10, filepath.Join(t.TempDir(), "nowhere.tar.gz")
	spec.Dataset.SHA256 = strings.Repeat("0", 64)
	err := prepareError(t, newMemory(), spec)
	requireType(t, err, experiment.ErrorBadSpec, false)
	require.ErrorContains(t, err, "dataset.source")
}

func TestNeitherFileNorNetworkSaysWhatToDo(t *testing.T) {
	offline := fmt.Errorf("%w: network is down", dataset.ErrUnreachable)
	err := explainFetch(experiment.Dataset{Name: experiment.CIFAR10}, "https://example.org/cifar.tar.gz", offline)
	require.ErrorContains(t, err, "dataset.name: synthetic")
	requireType(t, classify(t.Context(), err, 1, counted(1)), experiment.ErrorBadSpec, false)
}

func TestBatchLargerThanTheSetNamesTheField(t *testing.T) {
	for field, change := range map[string]func(*experiment.Spec){
		"pretrain.batch_size": func(s *experiment.Spec) { s.Pretrain.BatchSize = 11 },
		"linear.batch_size":   func(s *experiment.Spec) { s.Linear.BatchSize = 11 },
		"finetune.batch_size": func(s *experiment.Spec) { s.Finetune.BatchSize = 11 },
		"knn.k":               func(s *experiment.Spec) { s.KNN.K = 11 },
	} {
		t.Run(field, func(t *testing.T) {
			spec := tinySpec()
			change(&spec)
			s := newMemory()
			err := prepareError(t, s, spec)
			requireType(t, err, experiment.ErrorBadSpec, false)
			require.ErrorContains(t, err, field)
			require.Empty(t, s.objects, "a spec that doesn't fit claims no name")
		})
	}
}

func TestNameInUseIsAConflict(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	first := prepare(t, s, spec)
	require.Equal(t, first, prepare(t, s, spec), "the same spec may be begun again")
	spec.Seed++
	err := prepareError(t, s, spec)
	requireType(t, err, experiment.ErrorConflict, false)
	require.ErrorContains(t, err, "choose another name")
}

func TestFinishedExperimentIsNotOverwritten(t *testing.T) {
	s := newMemory()
	_, err := s.Put(t.Context(), "experiments/tiny/metrics.json", []byte("{}"), typeJSON)
	require.NoError(t, err)
	requireType(t, prepareError(t, s, tinySpec()), experiment.ErrorConflict, false)
}

func TestSyntheticDataOfAnotherSeedIsNotTrainedOn(t *testing.T) {
	s := newMemory()
	in := experiment.PretrainEpochInput{Spec: tinySpec(), Data: prepare(t, s, tinySpec()), Epoch: 1}
	in.Spec.Seed++
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorCorruptArtifact, false)
}
