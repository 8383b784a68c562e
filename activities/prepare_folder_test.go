package activities

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/report"
)

// writeImages makes a folder with three classes, 9, 12 and 15 images of different sizes.
func writeImages(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for class := range 3 {
		folder := filepath.Join(root, fmt.Sprintf("class-%d", class))
		require.NoError(t, os.Mkdir(folder, 0o755))
		for i := range 9 + 3*class {
			m := image.NewNRGBA(image.Rect(0, 0, 20+i, 24))
			for p := range len(m.Pix) / 4 {
				m.Set(p%(20+i), p/(20+i), color.NRGBA{uint8(80 * class), uint8(10*i + p%7), uint8(p % 251), 255})
			}
			var file bytes.Buffer
			require.NoError(t, png.Encode(&file, m))
			require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.png", i)), file.Bytes(), 0o600))
		}
	}
	return root
}

// folderSpec is tinySpec on images of a folder, in a size that differs from that of the views.
func folderSpec(source string) experiment.Spec {
	s := tinySpec()
	s.Dataset = experiment.Dataset{Name: experiment.ImageFolder, Source: source, Size: 12}
	s.Augment.FirstView.Normalize = experiment.Normalize{}
	s.Finetune.Augment.Normalize = experiment.Normalize{}
	return s
}

func zipFolder(t *testing.T, root string) string {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	require.NoError(t, w.AddFS(os.DirFS(root)))
	require.NoError(t, w.Close())
	path := filepath.Join(t.TempDir(), "images.zip")
	require.NoError(t, os.WriteFile(path, packed.Bytes(), 0o600))
	return path
}

func TestFolderIsPreparedOnceForEveryWorker(t *testing.T) {
	root, s := writeImages(t), newMemory()
	spec := folderSpec(root)
	data := prepare(t, s, spec)
	require.Equal(t, []string{"class-0", "class-1", "class-2"}, data.Classes)
	require.Equal(t, []int{27, 3, 6}, []int{data.Train, data.Validation, data.Test})
	require.Equal(t, data.Archive.SHA256, data.SHA256)
	require.Equal(t, "datasets/image_folder/"+data.SourceSHA256+"/folders-12-v1.npz", data.Archive.Key)
	require.InDelta(t, 0.5, data.MostFrequent, 1e-9, "three of six")
	require.NotNil(t, data.Normalize)
	require.InDelta(t, 0.35, data.Normalize.Mean[0], 0.1)

	again := spec
	again.Name = "again"
	require.Equal(t, data, prepare(t, s, again), "nothing is prepared anew")
	require.NoError(t, os.RemoveAll(root))
	in := experiment.PretrainEpochInput{Spec: spec.Normalized(*data.Normalize), Data: data, Epoch: 1}
	pretrainOn(t, newActivities(t, s), in)
}

// An archive that is stored already is not asked for again, and its copy is removed.
func TestArchiveOfAFolder(t *testing.T) {
	root, s := writeImages(t), newMemory()
	folder := prepare(t, s, folderSpec(root))
	spec := folderSpec(zipFolder(t, root))
	spec.Name = "packed"
	var err error
	spec.Dataset.SHA256, err = dataset.Digest(spec.Dataset.Source)
	require.NoError(t, err)
	a := newActivities(t, s)
	data := must[experiment.PreparedData](t, a, experiment.ActivityPrepareData, experiment.PrepareDataInput{Spec: spec})
	require.Equal(t, folder.SHA256, data.SHA256, "the same images")
	require.Equal(t, spec.Dataset.SHA256, data.SourceSHA256)
	require.NoError(t, filepath.WalkDir(a.CacheDir, func(path string, _ fs.DirEntry, err error) error {
		require.NotContains(t, path, ".zip")
		return err
	}))
	require.NoError(t, os.Remove(spec.Dataset.Source))
	again := spec
	again.Name = "again"
	require.Equal(t, data, prepare(t, s, again))
}

func TestFolderThatCannotBeUsedStoresNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*experiment.Spec)
		kind    string
		message string
	}{
		"nowhere": {func(s *experiment.Spec) { s.Dataset.Source += "/nowhere" }, experiment.ErrorBadSpec, "can't be found on this worker"},
		"another digest": {func(s *experiment.Spec) { s.Dataset.SHA256 = fmt.Sprintf("%064d", 0) }, experiment.ErrorBadData,
			"they have changed; correct dataset.sha256"},
		"a file without digest": {func(s *experiment.Spec) { s.Dataset.Source += "/class-0/0.png" }, experiment.ErrorBadSpec,
			"dataset.sha256: missing"},
		"a broken image": {func(s *experiment.Spec) {
			require.NoError(t, os.WriteFile(s.Dataset.Source+"/class-0/broken.jpg", []byte{0xff, 0xd8, 0xff}, 0o600))
		}, experiment.ErrorBadData, "class-0/broken.jpg"},
		"few images": {func(s *experiment.Spec) { s.Pretrain.BatchSize = 28 }, experiment.ErrorBadSpec, "pretrain.batch_size"},
		"few labels": {func(s *experiment.Spec) {
			require.NoError(t, experiment.Set(s, "ablation.label_fractions=[0.05]"))
		}, experiment.ErrorBadSpec, "ablation.label_fractions: 0.05 of 27 training images is 1"},
		"large validation": {func(s *experiment.Spec) { s.Dataset.ValidationImages = 1000 }, experiment.ErrorBadSpec,
			"dataset.validation_images: 1000 is out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, s := folderSpec(writeImages(t)), newMemory()
			c.change(&spec)
			err := prepareError(t, s, spec)
			requireType(t, err, c.kind, false)
			require.ErrorContains(t, err, c.message)
			require.Empty(t, s.keys("experiments/"))
		})
	}
}

// conduct does what the workflows do with a spec that has linear evaluation and fine-tuning, or neither.
func conduct(t *testing.T, w *Activities, spec experiment.Spec, data experiment.PreparedData) experiment.Result {
	t.Helper()
	r := experiment.Result{Experiment: spec.Name, Data: data}
	var from *experiment.Artifact
	for epoch := 1; epoch <= spec.Pretrain.Epochs; epoch++ {
		in := experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: epoch, From: from}
		r.Pretrain = append(r.Pretrain, pretrainOn(t, w, in))
		from = &r.Pretrain[epoch-1].Checkpoint
	}
	r.Best = must[experiment.Selection](t, w, experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: spec, Epochs: r.Pretrain})
	if spec.Linear.Epochs > 0 {
		r.Linear = must[experiment.Classification](t, w, experiment.ActivityEvaluateLinear,
			experiment.EvaluateLinearInput{Spec: spec, Data: data, Best: r.Best})
	}
	from = nil
	for epoch := 1; epoch <= spec.Finetune.Epochs; epoch++ {
		done := must[experiment.ClassifierEpoch](t, w, experiment.ActivityFinetuneEpoch,
			experiment.FinetuneEpochInput{Spec: spec, Data: data, Best: r.Best, Epoch: epoch, From: from})
		r.Finetune.Epochs, from = append(r.Finetune.Epochs, done), done.Checkpoint
	}
	if spec.Finetune.Epochs > 0 {
		r.Finetune.Best = must[experiment.Selection](t, w, experiment.ActivitySelectFinetuned,
			experiment.SelectFinetunedInput{Spec: spec, Data: data, Epochs: r.Finetune.Epochs})
	}
	r.Test = must[experiment.TestResult](t, w, experiment.ActivityEvaluateTest,
		experiment.EvaluateTestInput{Spec: spec, Data: data, Best: r.Best, Linear: r.Linear, Finetune: r.Finetune})
	for i := range r.Test.Linear {
		r.Linear.Epochs[i].TestLoss, r.Linear.Epochs[i].TestAccuracy = &r.Test.Linear[i].Loss, &r.Test.Linear[i].Accuracy
	}
	for i := range r.Test.Finetune {
		e := &r.Finetune.Epochs[i]
		e.TestLoss, e.TestAccuracy = &r.Test.Finetune[i].Loss, &r.Test.Finetune[i].Accuracy
	}
	r.Artifacts = must[map[string]experiment.Artifact](t, w, experiment.ActivityWriteReport,
		experiment.WriteReportInput{Spec: spec, Result: r})
	return r
}

func metricsOf(t *testing.T, s *memory, r experiment.Result) (m report.MetricsFile) {
	t.Helper()
	data, err := s.Get(t.Context(), r.Artifacts["metrics.json"])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &m))
	return m
}

// From images of any size to a report, at sizes other than 32 throughout.
func TestExperimentOnAFolder(t *testing.T) {
	s := newMemory()
	spec := folderSpec(writeImages(t))
	w := newActivities(t, s)
	data := prepare(t, s, spec)
	spec = spec.Normalized(*data.Normalize)
	result := conduct(t, w, spec, data)
	require.NotEmpty(t, result.Artifacts["report.html"])
	m := metricsOf(t, s, result)
	require.Equal(t, data.SHA256, m.Dataset.SHA256)
	require.Equal(t, 6, m.KNN.TestImages)
	require.Len(t, m.Finetune.TestConfusion, 3)
}

func TestExperimentWithoutLabels(t *testing.T) {
	s := newMemory()
	spec := folderSpec(writeImages(t))
	spec.Dataset.Labels, spec.Linear.Epochs, spec.Finetune.Epochs = experiment.NoLabels, 0, 0
	require.NoError(t, spec.Validate())
	w := newActivities(t, s)
	data := prepare(t, s, spec)
	require.Empty(t, data.Classes)
	require.Equal(t, []int{29, 0, 7}, []int{data.Train, data.Validation, data.Test})
	spec = spec.Normalized(*data.Normalize)
	result := conduct(t, w, spec, data)
	require.Equal(t, 2, result.Best.Epoch)
	require.Equal(t, experiment.CriterionLast, result.Best.Criterion)
	require.Nil(t, result.Pretrain[1].KNN)
	require.NotNil(t, result.Test.Exhibits)
	require.NotNil(t, result.Test.Embeddings)
	require.NotEmpty(t, result.Artifacts["report.html"])
	require.NotEmpty(t, result.Artifacts["simclr_best_epoch.pt"])
	m := metricsOf(t, s, result)
	require.Nil(t, m.KNN)
	require.Empty(t, m.Dataset.Classes)
}
