package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/storage"
)

func TestGetWritesModelsAsSafetensors(t *testing.T) {
	s := openTestStore(t)
	tensors := []checkpoint.Tensor{
		{Name: "conv1.weight", Shape: []int{2, 1}, Data: []float32{1.5, -2}},
		{Name: "bn1.num_batches_tracked", Int64s: []int64{7}},
	}
	var model bytes.Buffer
	require.NoError(t, checkpoint.WriteTorch(&model, tensors))
	_, err := s.Put(t.Context(), "experiments/second/simclr_best_epoch.pt", model.Bytes(), "application/octet-stream")
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "experiments/second/metrics.json", []byte("{}"), "application/json")
	require.NoError(t, err)

	files, err := choose(t.Context(), s, "second", nil, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	var out bytes.Buffer
	_, err = fetch(t.Context(), &out, s, files, dir, formatSafetensors)
	require.NoError(t, err)
	require.Contains(t, out.String(), "simclr_best_epoch.safetensors  from simclr_best_epoch.pt")
	file, err := os.Open(filepath.Join(dir, "simclr_best_epoch.safetensors"))
	require.NoError(t, err)
	defer file.Close()
	got, metadata, err := checkpoint.ReadSafetensors(file)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, tensors[0], got[0])
	require.Equal(t, tensors[1].Int64s, got[1].Int64s)
	require.Equal(t, map[string]string{"format": "pt"}, metadata)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the model once, metrics.json as it is, and nothing temporary")
}

// Python's own libraries find the same tensors in both formats.
func TestPythonReadsWhatGetConverts(t *testing.T) {
	python := os.Getenv("TWINVIEW_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.Command(python, "-c", "import torch, safetensors").CombinedOutput()
	if err != nil && os.Getenv("TWINVIEW_REQUIRE_PYTORCH") != "1" {
		t.Skipf("%s has no PyTorch; TWINVIEW_PYTHON names another, make test-torch installs one", python)
	}
	require.NoError(t, err, string(out))
	dir := t.TempDir()
	from, to := filepath.Join(dir, "model.pt"), filepath.Join(dir, "model.safetensors")
	golden, err := os.ReadFile("../checkpoint/testdata/checkpoint.pt")
	require.NoError(t, err)
	tensors, err := checkpoint.ReadTorch(golden)
	require.NoError(t, err)
	var model bytes.Buffer
	require.NoError(t, checkpoint.WriteTorch(&model, tensors))
	require.NoError(t, os.WriteFile(from, model.Bytes(), 0o644))
	require.NoError(t, convert(from, to))
	out, err = exec.Command(python, "testdata/compare.py", from, to).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestGetConvertsOnlyWhatIsVerifiedAndAModel(t *testing.T) {
	s := openTestStore(t)
	files, err := choose(t.Context(), s, "first", []string{"simclr_best_epoch.pt"}, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatSafetensors)
	require.ErrorIs(t, err, checkpoint.ErrTorch)
	require.ErrorContains(t, err, "convert simclr_best_epoch.pt to safetensors")

	files[0].SHA256 = "00" + files[0].SHA256[2:]
	_, err = fetch(t.Context(), &bytes.Buffer{}, s, files, dir, formatSafetensors)
	require.ErrorIs(t, err, storage.ErrCorrupt)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestGetRefusesOtherFormats(t *testing.T) {
	c := newGetCommand()
	c.SetArgs([]string{"first", "--format", "onnx"})
	c.SetOut(&bytes.Buffer{})
	c.SetErr(&bytes.Buffer{})
	require.ErrorContains(t, c.Execute(), `--format "onnx": must be pt or safetensors`)
}
