package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

func TestKilledWorker(t *testing.T) {
	survives(t, tinySpec(t, syntheticSet))
}

func TestKilledWorkerOnCIFAR10(t *testing.T) {
	if os.Getenv(dataset.ArchiveVariable) == "" {
		t.Skip("set CIFAR10_ARCHIVE to the archive of CIFAR-10")
	}
	survives(t, tinySpec(t, cifar10Slice))
}

// survives kills the worker inside the second epoch and lets another one go on, with nothing but the store to start from.
// The experiment must end in the same bits as one that nobody disturbed.
func survives(t *testing.T, spec string) {
	t.Helper()
	s := startStack(t)
	if archive := os.Getenv(dataset.ArchiveVariable); archive != "" {
		s.env = append(s.env, dataset.ArchiveVariable+"="+archive)
	}
	first := s.startWorker(t)
	disturbed := s.start(t, "starter", "run", spec, "--name", "disturbed", "--watch")
	s.awaitEpoch(t, "disturbed", 2)
	first.kill()
	second := s.startWorker(t)
	undisturbed := s.start(t, "starter", "run", spec, "--name", "undisturbed", "--watch")
	require.NoError(t, undisturbed.wait(t))
	require.NoError(t, disturbed.wait(t))

	got := s.result(t, "disturbed")
	require.Equal(t, first.identity(t), got.Pretrain[0].Worker, "the epoch before the kill counts")
	require.Equal(t, second.identity(t), got.Pretrain[len(got.Pretrain)-1].Worker)
	require.Contains(t, disturbed.output.String(), "PretrainEpoch: attempt 1 failed", "watch tells of it")

	want := s.result(t, "undisturbed")
	require.Equal(t, losses(want), losses(got))
	for _, model := range []string{"simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt"} {
		require.Equal(t, named(t, want, model).SHA256, named(t, got, model).SHA256, "%s has the same bits", model)
	}
	requireFiles(t, s, got)
}

func losses(r experiment.Result) []float64 {
	var all []float64
	for _, e := range r.Pretrain {
		all = append(all, e.Loss)
	}
	for _, c := range []experiment.Classification{r.Linear, r.Finetune} {
		for _, e := range c.Epochs {
			all = append(all, e.TrainLoss, e.ValidationLoss, *e.TestLoss)
		}
	}
	return all
}

// named is the result's artifact with the file name.
func named(t *testing.T, r experiment.Result, name string) experiment.Artifact {
	t.Helper()
	for _, a := range r.Artifacts {
		if filepath.Base(a.Key) == name {
			return a
		}
	}
	t.Fatalf("the result has no %s: %v", name, r.Artifacts)
	return experiment.Artifact{}
}

// requireFiles fetches the files and compares them with the result.
func requireFiles(t *testing.T, s *stack, r experiment.Result) {
	t.Helper()
	dir := t.TempDir()
	s.must(t, "get", r.Experiment, "--out", dir)
	for _, name := range []string{
		"simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt", "metrics.json", "report.html", "spec.yaml",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		sum := sha256.Sum256(data)
		require.Equal(t, named(t, r, name).SHA256, hex.EncodeToString(sum[:]), name)
	}

	data, err := os.ReadFile(filepath.Join(dir, "metrics.json"))
	require.NoError(t, err)
	var metrics struct {
		Dataset  struct{ SHA256 string }
		Pretrain struct{ Loss []float64 }
		KNN      struct {
			TestAccuracy *float64 `json:"test_accuracy"`
		}
		Linear struct {
			TestAccuracy *float64 `json:"test_accuracy"`
		}
		Finetune struct {
			TestAccuracy *float64 `json:"test_accuracy"`
		}
	}
	require.NoError(t, json.Unmarshal(data, &metrics))
	require.Equal(t, r.Data.SHA256, metrics.Dataset.SHA256)
	require.Len(t, metrics.Pretrain.Loss, len(r.Pretrain))
	for _, accuracy := range []*float64{metrics.KNN.TestAccuracy, metrics.Linear.TestAccuracy, metrics.Finetune.TestAccuracy} {
		require.NotNil(t, accuracy)
		require.GreaterOrEqual(t, *accuracy, 0.)
		require.LessOrEqual(t, *accuracy, 1.)
	}
}
