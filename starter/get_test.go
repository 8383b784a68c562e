package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// openTestStore is a real store with an experiment "first" in it.
func openTestStore(t *testing.T) *storage.Store {
	t.Helper()
	s, err := storage.Open(t.Context(), storagetest.Start(t))
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()))
	for _, name := range []string{
		"spec.yaml", "metrics.json", "simclr_best_epoch.pt", "plots/loss.svg", "pretrain/epoch-0001.safetensors",
	} {
		_, err := s.Put(t.Context(), "experiments/first/"+name, []byte("this is "+name), "text/plain")
		require.NoError(t, err)
	}
	return s
}

func TestGetFetchesWhatIsForPeople(t *testing.T) {
	s := openTestStore(t)
	files, err := choose(t.Context(), s, "first", nil)
	require.NoError(t, err)
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, fetch(t.Context(), &out, s, files, dir, formatTorch))
	for _, name := range []string{"spec.yaml", "metrics.json", "simclr_best_epoch.pt", "plots/loss.svg"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, "this is "+name, string(data))
		require.Contains(t, out.String(), name)
	}
	require.NoDirExists(t, filepath.Join(dir, "pretrain"))
}

func TestGetFetchesACheckpointByName(t *testing.T) {
	s := openTestStore(t)
	files, err := choose(t.Context(), s, "first", []string{"pretrain/epoch-0001.safetensors"})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatTorch))
	require.FileExists(t, filepath.Join(dir, "pretrain", "epoch-0001.safetensors"))
}

func TestGetNamesWhatIsMissing(t *testing.T) {
	s := openTestStore(t)
	_, err := choose(t.Context(), s, "first", []string{"typo.pt"})
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ErrorContains(t, err, "typo.pt")
	_, err = choose(t.Context(), s, "firs", nil)
	require.ErrorContains(t, err, `no files of an experiment "firs"`)
}

func TestGetRefusesDamagedFiles(t *testing.T) {
	s := openTestStore(t)
	files, err := choose(t.Context(), s, "first", []string{"metrics.json"})
	require.NoError(t, err)
	files[0].SHA256 = "00" + files[0].SHA256[2:]
	dir := t.TempDir()
	require.ErrorIs(t, fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatTorch), storage.ErrCorrupt)
	require.NoFileExists(t, filepath.Join(dir, "metrics.json"))
}

func TestGetStaysInItsFolder(t *testing.T) {
	outside := file{name: "../outside", Artifact: experiment.Artifact{Key: "experiments/first/../outside"}}
	err := fetch(t.Context(), &bytes.Buffer{}, nil, []file{outside}, t.TempDir(), formatTorch)
	require.ErrorContains(t, err, "no path inside a folder")
}

func TestSize(t *testing.T) {
	require.Equal(t, "999 B", size(999))
	require.Equal(t, "1.5 kB", size(1500))
	require.Equal(t, "44.8 MB", size(44_800_000))
}

func TestGetReadsNothingBesideTheExperiment(t *testing.T) {
	for _, name := range []string{".", "..", "../datasets", "first/pretrain"} {
		_, err := choose(t.Context(), nil, name, nil)
		require.ErrorContains(t, err, "is no name of an experiment")
	}
}

// writer stands for a store that has any object, and writes where it is told.
type writer struct{}

func (writer) List(context.Context, string) ([]experiment.Artifact, error) { return nil, nil }

func (writer) Stat(_ context.Context, key string) (experiment.Artifact, error) {
	return experiment.Artifact{Key: key}, nil
}

func (writer) GetFile(_ context.Context, _ experiment.Artifact, path string) error {
	return os.WriteFile(path, []byte("written"), 0o600)
}

// Whatever an object is called, nothing is written outside the folder that was asked for.
func FuzzGetStaysInItsFolder(f *testing.F) {
	for _, name := range []string{
		"metrics.json", "plots/loss.svg", "../outside", "/etc/passwd", "plots/../../outside", "plots/..", ".", "", "..", "a//b",
		"a\x00b", `..\outside`, "C:evil", "simclr.pt/../../x.pt", "plots/../metrics.json",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		parent := t.TempDir()
		out := filepath.Join(parent, "out")
		require.NoError(t, os.Mkdir(out, 0o700))
		files, err := choose(t.Context(), writer{}, "first", []string{name})
		require.NoError(t, err)
		_ = fetch(t.Context(), &bytes.Buffer{}, writer{}, files, out, formatTorch)
		beside, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Len(t, beside, 1)
		if filepath.IsAbs(name) {
			written, err := os.ReadFile(name)
			require.False(t, err == nil && string(written) == "written")
		}
	})
}
