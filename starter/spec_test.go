package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestSpecInitWritesEveryRecipe(t *testing.T) {
	all, err := recipes()
	require.NoError(t, err)
	require.Greater(t, len(all), 5)
	for _, r := range all {
		want, err := r.read(specFlags{})
		require.NoError(t, err)
		require.Equal(t, r.name, want.Name)
		text, err := starter(t, nil, "spec", "init", "--recipe", r.name)
		require.NoError(t, err)
		got, err := experiment.Read([]byte(text), "")
		require.NoError(t, err, text)
		require.Equal(t, want, got, r.name)
		require.Contains(t, text, r.about[0])
		require.Contains(t, recipeHelp(), r.first())
		require.NotContains(t, r.first(), "  ")
	}
	require.Contains(t, recipeHelp(), "after Chen et al. 2020, appendix B.9.")
}

func TestSpecInitNeverOverwrites(t *testing.T) {
	file := filepath.Join(t.TempDir(), "second-try.yaml")
	out, err := starter(t, nil, "spec", "init", file, "--set", "pretrain.epochs=20")
	require.NoError(t, err)
	require.Contains(t, out, "starter run "+file)
	spec, err := readSpec(file, nil, specFlags{})
	require.NoError(t, err)
	require.Equal(t, "second-try", spec.Name, "as the file")
	require.Equal(t, 20, spec.Pretrain.Epochs)

	before, err := os.ReadFile(file)
	require.NoError(t, err)
	_, err = starter(t, nil, "spec", "init", file, "--recipe", "demo")
	require.ErrorContains(t, err, "exists and was left as it is")
	require.ErrorContains(t, err, "--force")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)

	_, err = starter(t, nil, "spec", "init", file, "--recipe", "demo", "--force", "--name", "third")
	require.NoError(t, err)
	spec, err = readSpec(file, nil, specFlags{})
	require.NoError(t, err)
	require.Equal(t, "third", spec.Name)
	require.Equal(t, 4, spec.Pretrain.Epochs)

	odd := filepath.Join(t.TempDir(), "My Spec.yaml")
	_, err = starter(t, nil, "spec", "init", odd)
	require.NoError(t, err)
	spec, err = readSpec(odd, nil, specFlags{})
	require.NoError(t, err)
	require.Equal(t, "simclr", spec.Name, "no experiment can be called as the file")

	_, err = starter(t, nil, "spec", "init", filepath.Join(t.TempDir(), "no", "folder.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = starter(t, nil, "spec", "init", "--recipe", "resnet")
	require.ErrorContains(t, err, `--recipe "resnet": there is no such recipe: must be one of simclr, barlow-twins`)
	_, err = starter(t, nil, "spec", "init", "--set", "knn.k=0")
	require.ErrorContains(t, err, "recipe simclr with these changes is no valid spec:\nknn.k: 0 is out of range")
}

func TestSpecCheckPrintsTheWholeSpec(t *testing.T) {
	file := writeSpec(t, goodSpec)
	want, err := experiment.Read([]byte(goodSpec), "", "method.temperature=0.25")
	require.NoError(t, err)
	out, err := starter(t, nil, "spec", "check", file, "--set", "method.temperature=0.25")
	require.NoError(t, err)
	require.Contains(t, out, "temperature: 0.25")
	require.Contains(t, out, "trust_coefficient: 0.001", "a default")
	got, err := experiment.Read([]byte(out), "")
	require.NoError(t, err)
	require.Equal(t, want, got)

	out, err = starter(t, nil, "spec", "check", file, "--set", "method.temperature=0.25", "-o", "json")
	require.NoError(t, err)
	var spec experiment.Spec
	require.NoError(t, json.Unmarshal([]byte(out), &spec))
	require.Equal(t, want, spec)

	c := newCommand()
	var text strings.Builder
	c.SetIn(strings.NewReader(goodSpec))
	c.SetOut(&text)
	c.SetArgs([]string{"spec", "check", "-", "--name", "piped"})
	require.NoError(t, c.Execute())
	require.Contains(t, text.String(), "name: piped\n")
}

// What is wrong is named at once, with field, value and fix, by check and run alike: they read specs in the same place.
func TestSpecCheckAndRunNameEverythingThatIsWrong(t *testing.T) {
	noServers(t)
	file := writeSpec(t, "name: first\npretrain:\n  epochs: many\n  batchsize: 8\nknn: {k: 0}\n")
	want := file + ` is no valid spec:
line 3, column 11: pretrain.epochs: must be a whole number, not "many"
line 4, column 3: pretrain.batchsize: unknown key; did you mean "batch_size"?
--set method.temprature=1: method.temprature: unknown key; did you mean "temperature"?
knn.k: 0 is out of range: must be 1 to 1000`
	for _, verb := range [][]string{{"spec", "check"}, {"run", "--address", "127.0.0.1:1"}} {
		_, err := starter(t, nil, append(verb, file, "--set", "method.temprature=1")...)
		require.EqualError(t, err, want)
	}
	out, err := starter(t, nil, "spec", "check", file, "-o", "json")
	require.Error(t, err)
	var problems experiment.Problems
	require.NoError(t, json.Unmarshal([]byte(out), &problems))
	require.Len(t, problems, 3)
	require.Equal(t, experiment.Problem{Path: "knn.k", Text: "0 is out of range: must be 1 to 1000"}, problems[2])
	require.Equal(t, 3, problems[0].Line)

	_, err = starter(t, nil, "run", "nowhere.yaml", "--address", "127.0.0.1:1")
	require.ErrorContains(t, err, "`starter spec init nowhere.yaml` writes one")
}

func TestSpecExplain(t *testing.T) {
	out, err := starter(t, nil, "spec", "explain", "pretrain.optimizer.momentum")
	require.NoError(t, err)
	require.Equal(t, `pretrain.optimizer.momentum: number, at least 0 and less than 1

momentum is that of SGD and LARS.

FIELD                        DEFAULT  VALUE
pretrain.optimizer.momentum  0.9      number, at least 0 and less than 1
`, out)
	out, err = starter(t, nil, "spec", "explain", "knn", "-o", "json")
	require.NoError(t, err)
	var fields []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &fields))
	require.Len(t, fields, 5, "the section and its fields")
	require.Equal(t, "knn.k", fields[1]["field"])
	require.Equal(t, 10., fields[1]["default"])
	out, err = starter(t, nil, "spec", "explain")
	require.NoError(t, err)
	require.Contains(t, out, "ablation.augment.normalize.std")
	_, err = starter(t, nil, "spec", "explain", "pretrain.optimizer.momentun")
	require.ErrorContains(t, err, `did you mean "momentum"?`)
}
