package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/layout"
	"twinview/train"
)

// publish writes what a finished experiment leaves, of a network that nobody has trained, into a new folder.
func publish(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	spec := experiment.Default()
	for _, small := range []string{
		"dataset.name=synthetic", "dataset.train_images=50", "dataset.validation_images=10", "dataset.test_images=10",
		"pretrain.batch_size=10", "linear.batch_size=10", "finetune.batch_size=10",
	} {
		require.NoError(t, experiment.Set(&spec, small))
	}
	spec.Name, spec.Encoder.Width = "first", 2
	pretrained, err := train.NewPretrainState(&spec)
	require.NoError(t, err)
	finetuned, err := train.NewFinetuneState(&spec, 3, pretrained)
	require.NoError(t, err)

	yaml, err := spec.YAML()
	require.NoError(t, err)
	write := func(name string, data []byte) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	write("spec.yaml", yaml)
	publishMetrics(t, folder, `{"name": "synthetic", "sha256": "`+dataset.Synthetic(&spec).Digest()+`", "classes": ["ant", "bee", "cat"]}`)
	for name, s := range map[string]*train.State{"simclr_best_epoch.pt": pretrained, "finetune_best.pt": finetuned} {
		var model bytes.Buffer
		require.NoError(t, checkpoint.WriteTorch(&model, s.StateDict()))
		write(name, model.Bytes())
	}
	features := make([]float32, 4*16)
	for i := range features {
		features[i] = float32(i%7) - 3
	}
	var embeddings bytes.Buffer
	require.NoError(t, checkpoint.WriteSafetensors(&embeddings, []checkpoint.Tensor{
		{Name: "features", Shape: []int{4, 16}, Data: features},
		{Name: "labels", Shape: []int{4}, Int64s: []int64{2, 0, 1, 2}},
	}, nil))
	write(layout.Embeddings+"/train.safetensors", embeddings.Bytes())
	return folder
}

// publishMetrics writes the last file of an experiment, with what it says of the data.
func publishMetrics(t *testing.T, folder, data string) {
	t.Helper()
	text := `{"schema": 1, "experiment": "first", "dataset": ` + data + `}`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "metrics.json"), []byte(text), 0o644))
}

// photo is a picture that is neither square nor as small as the experiment's.
func photo(t *testing.T, name string, c color.Color) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for i := range 60 {
		for j := range 40 {
			m.Set(i, j, c)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, png.Encode(f, m))
	return path
}

// runStarter runs a command line and returns what it prints.
func runStarter(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := newCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&bytes.Buffer{})
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPredictFromAFolder(t *testing.T) {
	folder := publish(t)
	red, blue := photo(t, "red.png", color.RGBA{255, 0, 0, 255}), photo(t, "blue.png", color.RGBA{0, 0, 255, 255})
	out, err := runStarter(t, "predict", "--from", folder, red, blue, "-o", "json")
	require.NoError(t, err)
	var got []predicted
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, 2)
	require.Equal(t, red, got[0].Image)
	require.NotEqual(t, got[0].Classes, got[1].Classes)
	var sum float64
	var names []string
	for i, c := range got[0].Classes {
		sum += c.Probability
		names = append(names, c.Class)
		require.True(t, i == 0 || c.Probability <= got[0].Classes[i-1].Probability, "most probable first")
	}
	require.InDelta(t, 1, sum, 1e-9)
	require.ElementsMatch(t, []string{"ant", "bee", "cat"}, names)

	out, err = runStarter(t, "predict", "--from", folder, "--top", "1", red)
	require.NoError(t, err)
	require.Regexp(t, `red\.png\n +\d+\.\d %  `+got[0].Classes[0].Class+`\n$`, out)
}

func TestPredictSaysWhatIsWrong(t *testing.T) {
	folder := publish(t)
	text := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("no picture"), 0o644))
	for want, args := range map[string][]string{
		"at least one image":               {"predict", "--from", folder},
		"name an experiment":               {"predict", "first"},
		"notes.txt is neither a PNG nor":   {"predict", "--from", folder, text},
		"no such file":                     {"predict", "--from", folder, "missing.png"},
		"--top 0":                          {"predict", "--from", folder, "--top", "0", text},
		`--classifier "knn"`:               {"predict", "--from", folder, "--classifier", "knn", text},
		"simclr_lin_best.pt":               {"predict", "--from", folder, "--classifier", "linear", text},
		"is it finished?":                  {"predict", "--from", t.TempDir(), text},
		`--picture "red.jpg"`:              {"neighbors", "--from", folder, "--picture", "red.jpg", text},
		"-k 0":                             {"neighbors", "--from", folder, "-k", "0", text},
		"from 1 to the number of training": {"neighbors", "--from", folder, "-k", "5", photo(t, "red.png", color.White)},
	} {
		_, err := runStarter(t, args...)
		require.ErrorContains(t, err, want)
	}
}

// A model comes from the store once; later it is taken from the cache, unless somebody has changed it there.
func TestPredictKeepsWhatItFetches(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s, folder := openTestStore(t), publish(t)
	model, err := os.ReadFile(filepath.Join(folder, "finetune_best.pt"))
	require.NoError(t, err)
	a, err := s.Put(t.Context(), layout.Key("first", "finetune_best.pt"), model, "application/octet-stream")
	require.NoError(t, err)
	read := inStore(s, "first")
	for range 2 {
		data, err := read(t.Context(), "finetune_best.pt")
		require.NoError(t, err)
		require.Equal(t, model, data)
	}
	kept, err := keep(t.Context(), s, a)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kept, []byte("damaged"), 0o600))
	data, err := read(t.Context(), "finetune_best.pt")
	require.NoError(t, err)
	require.Equal(t, model, data)
}

func TestNeighborsFromAFolder(t *testing.T) {
	folder := publish(t)
	red := photo(t, "red.png", color.RGBA{255, 0, 0, 255})
	out, err := runStarter(t, "neighbors", "--from", folder, "-k", "3", red, "-o", "json")
	require.NoError(t, err)
	var got []neighbourhood
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, 1)
	require.Len(t, got[0].Neighbours, 3)
	require.Contains(t, []string{"ant", "bee", "cat"}, got[0].Vote)
	for i, n := range got[0].Neighbours {
		require.Equal(t, []string{"cat", "ant", "bee", "cat"}[n.Index], n.Class)
		require.True(t, i == 0 || n.Similarity <= got[0].Neighbours[i-1].Similarity, "most similar first")
	}
	out, err = runStarter(t, "neighbors", "--from", folder, "-k", "3", red)
	require.NoError(t, err)
	require.Contains(t, out, "red.png  "+got[0].Vote+"\n")
}

// The sheet shows the training images themselves: those of a synthetic set are drawn anew, and refused where they are others.
func TestNeighborsDrawsThem(t *testing.T) {
	folder, sheet := publish(t), filepath.Join(t.TempDir(), "sheet.png")
	red := photo(t, "red.png", color.RGBA{255, 0, 0, 255})
	_, err := runStarter(t, "neighbors", "--from", folder, "-k", "3", red, "--picture", sheet)
	require.NoError(t, err)
	f, err := os.Open(sheet)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	require.Greater(t, m.Bounds().Dx(), m.Bounds().Dy(), "three neighbours beside one image")

	publishMetrics(t, folder, `{"name": "synthetic", "sha256": "0123", "classes": ["ant", "bee", "cat"]}`)
	_, err = runStarter(t, "neighbors", "--from", folder, red, "-k", "3", "--picture", sheet)
	require.ErrorContains(t, err, "the experiment had 0123")
}

// Where the training images have no labels, no label is shown.
func TestNeighborsWithoutLabels(t *testing.T) {
	folder := publish(t)
	publishMetrics(t, folder, `{"name": "image_folder"}`)
	red := photo(t, "red.png", color.RGBA{255, 0, 0, 255})
	out, err := runStarter(t, "neighbors", "--from", folder, "-k", "1", red)
	require.NoError(t, err)
	require.Regexp(t, `red\.png\n +-?0\.\d+  training image \d\n$`, out)
	out, err = runStarter(t, "neighbors", "--from", folder, "-k", "1", red, "-o", "json")
	require.NoError(t, err)
	require.NotContains(t, out, "class")
	require.NotContains(t, out, "vote")
}
