package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
	"twinview/layout"
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
	files, err := choose(t.Context(), s, "first", nil, nil)
	require.NoError(t, err)
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "new")
	_, err = fetch(t.Context(), &out, s, files, dir, formatTorch)
	require.NoError(t, err)
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
	files, err := choose(t.Context(), s, "first", []string{"pretrain/epoch-0001.safetensors"}, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatTorch)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "pretrain", "epoch-0001.safetensors"))
}

func TestGetFetchesAFolderByName(t *testing.T) {
	s := openTestStore(t)
	for _, split := range []string{"train", "validation"} {
		_, err := s.Put(t.Context(), "experiments/first/tensorboard/"+split+"/events.out.tfevents.0", []byte(split), "text/plain")
		require.NoError(t, err)
	}
	files, err := choose(t.Context(), s, "first", []string{"tensorboard"}, nil)
	require.NoError(t, err)
	require.Len(t, files, 2)
	dir := t.TempDir()
	_, err = fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatTorch)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "tensorboard", "validation", "events.out.tfevents.0"))

	all, err := choose(t.Context(), s, "first", nil, nil)
	require.NoError(t, err)
	require.Subset(t, all, files, "they are for people")
}

func TestGetNamesWhatIsMissing(t *testing.T) {
	s := openTestStore(t)
	_, err := choose(t.Context(), s, "first", []string{"typo.pt"}, nil)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ErrorContains(t, err, "typo.pt")
	_, err = choose(t.Context(), s, "firs", nil, nil)
	require.ErrorContains(t, err, `no files of an experiment "firs"`)
}

func TestGetRefusesDamagedFiles(t *testing.T) {
	s := openTestStore(t)
	files, err := choose(t.Context(), s, "first", []string{"metrics.json"}, nil)
	require.NoError(t, err)
	files[0].SHA256 = "00" + files[0].SHA256[2:]
	dir := t.TempDir()
	_, err = fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatTorch)
	require.ErrorIs(t, err, storage.ErrCorrupt)
	require.NoFileExists(t, filepath.Join(dir, "metrics.json"))
}

func TestGetStaysInItsFolder(t *testing.T) {
	outside := file{name: "../outside", Artifact: experiment.Artifact{Key: "experiments/first/../outside"}}
	_, err := fetch(t.Context(), &bytes.Buffer{}, nil, []file{outside}, t.TempDir(), formatTorch)
	require.ErrorContains(t, err, "no path inside a folder")
}

func TestSize(t *testing.T) {
	require.Equal(t, "999 B", size(999))
	require.Equal(t, "1.5 kB", size(1500))
	require.Equal(t, "44.8 MB", size(44_800_000))
}

func TestGetReadsNothingBesideTheExperiment(t *testing.T) {
	for _, name := range []string{".", "..", "../datasets", "first/pretrain"} {
		_, err := choose(t.Context(), nil, name, nil, nil)
		require.ErrorContains(t, err, "is no name of an experiment")
	}
}

// writer stands for a store that has any object, and writes where it is told.
type writer struct{}

func (writer) List(context.Context, string) ([]experiment.Artifact, error) { return nil, nil }

func (writer) Stat(_ context.Context, key string) (experiment.Artifact, error) {
	return experiment.Artifact{Key: key}, nil
}

func (writer) Download(_ context.Context, _ experiment.Artifact, path string) (int64, error) {
	return 0, os.WriteFile(path, []byte("written"), 0o600)
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
		files, err := choose(t.Context(), writer{}, "first", []string{name}, nil)
		require.NoError(t, err)
		_, _ = fetch(t.Context(), &bytes.Buffer{}, writer{}, files, out, formatTorch)
		beside, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Len(t, beside, 1)
		if filepath.IsAbs(name) {
			written, err := os.ReadFile(name)
			require.False(t, err == nil && string(written) == "written")
		}
	})
}

// getJSON is what get tells in JSON.
func getJSON(t *testing.T, arguments ...string) (got []fetched) {
	t.Helper()
	c := newCommand()
	var out, notes bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&notes)
	c.SetArgs(append([]string{"get", "-o", "json"}, arguments...))
	require.NoError(t, c.ExecuteContext(t.Context()))
	require.NoError(t, json.Unmarshal(out.Bytes(), &got), out.String())
	return got
}

func TestGetFetchesTheKindsThatAreNamed(t *testing.T) {
	noServers(t)
	s := startStore(t)
	for _, name := range []string{
		"spec.yaml", "metrics.json", "simclr_best_epoch.pt", "report.html", "report.pdf", "plots/loss.svg", "pretrain/epoch-0001.safetensors",
		"pretrain/epoch-0001.json", "pretrain/epoch-0002.partial/step-000001-a.safetensors", "corrupt/pretrain/epoch-0001.safetensors",
	} {
		_, err := s.Put(t.Context(), layout.Key("first", name), []byte("this is "+name), "text/plain")
		require.NoError(t, err)
	}
	for only, want := range map[string][]string{
		"models":             {"simclr_best_epoch.pt"},
		"report":             {"report.html", "report.pdf"},
		"metrics,spec":       {"metrics.json", "spec.yaml"},
		"plots":              {"plots/loss.svg"},
		"checkpoints":        {"pretrain/epoch-0001.safetensors"},
		"checkpoints,models": {"pretrain/epoch-0001.safetensors", "simclr_best_epoch.pt"},
	} {
		dir := t.TempDir()
		var files []string
		for _, f := range getJSON(t, "first", "--out", dir, "--only", only) {
			files = append(files, f.File)
			require.FileExists(t, f.Path)
			require.Equal(t, filepath.Join(dir, filepath.FromSlash(f.File)), f.Path)
			require.Len(t, f.SHA256, 64)
		}
		require.Equal(t, want, files, only)
	}
	_, err := starter(t, nil, "get", "first", "--only", "logs")
	require.ErrorContains(t, err, `no kind of file is called "logs": must be some of models, report`)
	_, err = starter(t, nil, "get", "first", "metrics.json", "--only", "models")
	require.ErrorContains(t, err, "leave one of the two out")
	_, err = s.Put(t.Context(), layout.Key("second", "spec.yaml"), []byte("x"), "text/plain")
	require.NoError(t, err)
	_, err = starter(t, nil, "get", "second", "--only", "models")
	require.ErrorContains(t, err, "has no files of the kind models so far")
	require.Equal(t, exitNotFound, exitCode(err))
}

// What a broken download has left is gone on with, in both formats, and what is there already is not fetched again.
func TestGetGoesOnWithABrokenDownload(t *testing.T) {
	noServers(t)
	s := startStore(t)
	golden, err := os.ReadFile("../checkpoint/testdata/checkpoint.pt")
	require.NoError(t, err)
	tensors, err := checkpoint.ReadTorch(golden)
	require.NoError(t, err)
	var model bytes.Buffer
	require.NoError(t, checkpoint.WriteTorch(&model, tensors))
	a, err := s.Put(t.Context(), layout.Key("first", "model.pt"), model.Bytes(), "application/octet-stream")
	require.NoError(t, err)
	for format, file := range map[string]string{formatTorch: "model.pt", formatSafetensors: "model.safetensors.pt"} {
		dir := t.TempDir()
		part := filepath.Join(dir, file+"."+a.SHA256[:12]+".part")
		require.NoError(t, os.WriteFile(part, model.Bytes()[:1000], 0o600))
		got := getJSON(t, "first", "--out", dir, "--format", format)
		require.Len(t, got, 1)
		require.Equal(t, int64(1000), got[0].Resumed)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1)
		require.Equal(t, "model."+format, left[0].Name())
	}

	dir := t.TempDir()
	require.False(t, getJSON(t, "first", "--out", dir)[0].Kept)
	require.True(t, getJSON(t, "first", "--out", dir)[0].Kept)
	out, err := starter(t, nil, "get", "first", "--out", dir)
	require.NoError(t, err)
	require.Contains(t, out, "was there already")
	path := filepath.Join(dir, "model.pt")
	require.NoError(t, os.WriteFile(path, append(model.Bytes()[:model.Len()-1:model.Len()-1], 'x'), 0o600))
	require.False(t, getJSON(t, "first", "--out", dir)[0].Kept, "a file of the same length that is another")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, model.Bytes(), data)
}
