package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"

	"twinview/experiment"
	"twinview/layout"
	"twinview/report"
)

// An experiment that has finished, one that runs, one that has failed and one that Temporal has forgotten, side by side.
func TestCompareExperiments(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	at := startExperiments(t)
	s := startStore(t)
	spec := writeSpec(t, goodSpec)
	_, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err)
	_, err = starter(t, at, "run", spec, "--name", "going", "--set", "seed=99", "--set", "method.temperature=0.2")
	require.NoError(t, err)
	_, err = starter(t, at, "run", spec, "--name", "broken", "--set", "seed=13", "--watch")
	require.Error(t, err)
	old := testSpec(t)
	old.Name = "old"
	old.Ablation = nil
	text, err := old.YAML()
	require.NoError(t, err)
	metrics, err := report.Metrics(old, testResult())
	require.NoError(t, err)
	for file, data := range map[string][]byte{"spec.yaml": text, "metrics.json": metrics} {
		_, err := s.Put(t.Context(), layout.Key("old", file), data, "text/plain")
		require.NoError(t, err)
	}

	out, err := starter(t, at, "compare", "first", "going", "broken", "old")
	require.NoError(t, err)
	lines := strings.Split(out, "\n")
	require.Equal(t, []string{"first", "going", "broken", "old"}, strings.Fields(lines[0]))
	require.Contains(t, out, "running: pretrain, 1 of 2 epochs")
	require.Contains(t, out, "failed in stage pretrain")
	require.Contains(t, out, "44.0 % (31.2 – 57.7)", "of 50 test images")
	require.Contains(t, out, "25.0 % on validation, so far")
	require.Regexp(t, `seed +1 +99 +13 +1\n`, out)
	require.Regexp(t, `method.temperature +0.5 +0.2 +0.5 +0.5\n`, out)
	require.NotContains(t, out, "pretrain.epochs", "that is equal")

	dir := filepath.Join(t.TempDir(), "new")
	out, err = starter(t, at, "compare", "first", "going", "--out", dir, "-o", "json")
	require.NoError(t, err)
	var told comparison
	require.NoError(t, json.Unmarshal([]byte(out), &told))
	require.Equal(t, filepath.Join(dir, comparisonFile), told.Files[0])
	for _, path := range told.Files {
		require.FileExists(t, path)
	}
	require.Subset(t, told.Files, []string{filepath.Join(dir, "pretrain-loss.png"), filepath.Join(dir, "finetune-accuracy.svg")})
	require.Len(t, told.Experiments[0].Accuracies, 3)
	page, err := os.ReadFile(told.Files[0])
	require.NoError(t, err)
	require.Contains(t, string(page), "<h1>first, going</h1>")
	out, err = starter(t, at, "compare", "first", "going", "--out", dir)
	require.NoError(t, err)
	require.Contains(t, out, fmt.Sprintf("wrote %s and 5 plots beside it", told.Files[0]))

	_, err = starter(t, at, "compare", "first", "nobody")
	require.ErrorContains(t, err, `no experiment is called "nobody": neither Temporal`)
	require.Equal(t, exitNotFound, exitCode(err))
}

func TestCompareTellsWhatItWrote(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tellFiles(&out, nil))
	require.Empty(t, out.String())
	require.NoError(t, tellFiles(&out, []string{"a/comparison.html"}))
	require.Equal(t, "\nwrote a/comparison.html; there are no curves yet\n", out.String())
	out.Reset()
	require.NoError(t, tellFiles(&out, []string{"a/comparison.html", "a/loss.png", "a/loss.svg"}))
	require.Equal(t, "\nwrote a/comparison.html and 1 plot beside it, each as PNG and SVG\n", out.String())
}

func TestStateOfAnExperiment(t *testing.T) {
	seen := func(s enums.WorkflowExecutionStatus, p *experiment.Progress) observation {
		return observation{info: &workflow.WorkflowExecutionInfo{Status: s}, progress: p}
	}
	const running = enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	require.Equal(t, "running: pretrain, 1 of 2 epochs", stateOf(seen(running, new(testProgress(experiment.StagePretrain, 1)))))
	require.Equal(t, "running: test", stateOf(seen(running, new(testProgress(experiment.StageTest, 2)))))
	paused := testProgress(experiment.StageFinetune, 2)
	paused.Paused = true
	require.Equal(t, "paused: finetune", stateOf(seen(running, &paused)))
	require.Contains(t, stateOf(seen(running, nil)), "running; no worker says how far")
}

func TestResultSoFarHasAllThatThereIs(t *testing.T) {
	r := testResult()
	r.LinearAugmented = new(testClassification(0.65))
	r.Ablation = []experiment.AblationArm{{Labels: 2}}
	p := *finished(r)
	require.Equal(t, r, resultSoFar(p))
	p.Result = nil
	got := resultSoFar(p)
	require.Equal(t, r.Pretrain, got.Pretrain)
	require.Equal(t, r.Linear, got.Linear)
	require.Equal(t, r.LinearAugmented.Epochs, got.LinearAugmented.Epochs)
	require.Equal(t, r.Finetune.Epochs, got.Finetune.Epochs)
	require.Equal(t, r.Ablation, got.Ablation)
	require.Equal(t, r.Data, got.Data)
	require.Empty(t, resultSoFar(experiment.Progress{}).Pretrain)
}
