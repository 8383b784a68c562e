package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// pythonWithPyTorch is $TWINVIEW_PYTHON or python3. Without PyTorch the test is skipped, unless TWINVIEW_REQUIRE_PYTORCH=1
// (make test-torch) says that it must not be.
func pythonWithPyTorch(t *testing.T) string {
	t.Helper()
	python := os.Getenv("TWINVIEW_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.Command(python, "-c", "import torch, torchvision, safetensors").CombinedOutput()
	if err != nil && os.Getenv("TWINVIEW_REQUIRE_PYTORCH") == "1" {
		t.Fatalf("%s has no PyTorch: %v\n%s", python, err, out)
	}
	if err != nil {
		t.Skipf("%s has no PyTorch; TWINVIEW_PYTHON names another, make test-torch installs one", python)
	}
	return python
}

// someImages are of CIFAR-10 where there is a local copy, else drawn by code.
func someImages(t *testing.T, n int) dataset.Images {
	t.Helper()
	path := os.Getenv(dataset.ArchiveVariable)
	if path == "" {
		return dataset.DrawSynthetic(1, n, n).Test
	}
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	data, err := dataset.ReadCIFAR10(file)
	require.NoError(t, err)
	return data.Test.Head(n)
}

// An encoder of the usual width goes into torchvision's own class, as README.md shows, a narrower one into a class derived
// from it.
func TestModelsInPyTorch(t *testing.T) {
	python := pythonWithPyTorch(t)
	for _, encoder := range []experiment.Encoder{
		{Architecture: experiment.ResNet18, Width: 64}, {Architecture: experiment.ResNet34, Width: 64},
		{Architecture: experiment.ResNet34, Width: 16},
	} {
		t.Run(fmt.Sprintf("%s, width %d", encoder.Architecture, encoder.Width), func(t *testing.T) {
			requireModelsInPyTorch(t, python, encoder)
		})
	}
}

func requireModelsInPyTorch(t *testing.T, python string, encoder experiment.Encoder) {
	t.Helper()
	spec := tinySpec(experiment.SimCLR)
	spec.Encoder = encoder
	spec.Pretrain.Optimizer.LearningRate, spec.Finetune.Optimizer.LearningRate = 0.005, 0.005
	images := someImages(t, 12)
	pretrained, err := NewPretrainState(spec)
	require.NoError(t, err)
	_, err = PretrainEpoch(t.Context(), spec, images, pretrained, onCPU)
	require.NoError(t, err)
	finetuned, err := NewFinetuneState(spec, 10, pretrained)
	require.NoError(t, err)
	_, err = FinetuneEpoch(t.Context(), spec, images, finetuned, onCPU)
	require.NoError(t, err)

	folder := t.TempDir()
	for name, s := range map[string]*State{"simclr_best_epoch.pt": pretrained, "finetune_best.pt": finetuned} {
		var file bytes.Buffer
		require.NoError(t, checkpoint.WriteTorch(&file, s.StateDict()))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), file.Bytes(), 0o644))
	}
	requireAgreement(t, python, spec, folder, images)
}

// The models of a finished experiment, in the folder TWINVIEW_MODELS as starter get leaves it.
func TestGivenModelsInPyTorch(t *testing.T) {
	given := os.Getenv("TWINVIEW_MODELS")
	if given == "" {
		t.Skip("TWINVIEW_MODELS names no folder with models")
	}
	python := pythonWithPyTorch(t)
	text, err := os.ReadFile(filepath.Join(given, "spec.yaml"))
	require.NoError(t, err)
	spec, err := experiment.Parse(text)
	require.NoError(t, err)
	models, err := filepath.Glob(filepath.Join(given, "*.pt"))
	require.NoError(t, err)
	require.Len(t, models, 3, "models in %s", given)
	folder := t.TempDir()
	for _, path := range models {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(path)), data, 0o644))
	}
	requireAgreement(t, python, &spec, folder, someImages(t, 100))
}

// requireAgreement says that every model in a folder gives the same outputs here and in PyTorch, in float32.
func requireAgreement(t *testing.T, python string, spec *experiment.Spec, folder string, images dataset.Images) {
	t.Helper()
	normalize := spec.Augment.FirstView.Normalize
	pixels := make([]float32, len(images.Pixels))
	for i, p := range images.Pixels {
		pixels[i] = float32(p)
	}
	expected := []checkpoint.Tensor{
		{Name: "images", Shape: []int{images.Len(), images.Height, images.Width, 3}, Data: pixels},
		{Name: "mean", Shape: []int{3}, Data: narrow(normalize.Mean[:])},
		{Name: "std", Shape: []int{3}, Data: narrow(normalize.Std[:])},
	}
	models, err := filepath.Glob(filepath.Join(folder, "*.pt"))
	require.NoError(t, err)
	for _, path := range models {
		output := outputsOf(t, spec, path, images)
		output.Name = filepath.Base(path)
		expected = append(expected, output)
	}
	file, err := os.Create(filepath.Join(folder, "expected.safetensors"))
	require.NoError(t, err)
	require.NoError(t, checkpoint.WriteSafetensors(file, expected, nil))
	require.NoError(t, file.Close())

	command := exec.Command(python, "testdata/models.py", folder, spec.Encoder.Architecture)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	compared := 0
	for line := range bytes.Lines(out) {
		var found struct {
			Model               string
			Difference, Largest float64
		}
		require.NoError(t, json.Unmarshal(line, &found))
		t.Logf("%s: the largest output is %.3g, the largest difference %.2g", found.Model, found.Largest, found.Difference)
		require.LessOrEqual(t, found.Difference, 1e-4*max(1, found.Largest), found.Model)
		compared++
	}
	require.Equal(t, len(models), compared)
}

// outputsOf are the logits of a classifier's file, or the representations of an encoder's.
func outputsOf(t *testing.T, spec *experiment.Spec, path string, images dataset.Images) checkpoint.Tensor {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	tensors, err := checkpoint.Read(data)
	require.NoError(t, err)
	sizes, err := inferenceOptions(spec, images)
	require.NoError(t, err)
	s := &State{tensors: tensors}
	f := inference{batchSize: sizes.Batch, normalize: spec.Augment.FirstView.Normalize}
	if classes, none := s.classes(); none == nil {
		f.network, err = model.NewInference(spec.Encoder, classes, sizes)
		require.NoError(t, err)
		f.output = f.network.Logits
	} else {
		f.network, err = model.NewEncoder(spec.Encoder, sizes)
		require.NoError(t, err)
		f.output = f.network.Features
	}
	outputs, err := f.run(t.Context(), images, s, onCPU)
	require.NoError(t, err)
	return checkpoint.Tensor{Shape: []int{images.Len(), len(outputs) / images.Len()}, Data: outputs}
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
