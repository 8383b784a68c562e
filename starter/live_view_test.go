package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"twinview/experiment"
)

// drawn is what a screen of this size shows of the observations, without colours.
func drawn(width, height int, all ...observation) string {
	v := newLiveView("first")
	v.width, v.height = width, height
	for i, o := range all {
		v.take(o, noon.Add(time.Duration(i)*10*time.Second))
	}
	return ansi.Strip(v.draw())
}

// training is an experiment in the 13th of 100 epochs, at a step.
func training(step int, beat time.Time) observation {
	p := testProgress(experiment.StagePretrain, 0)
	p.Method, p.PretrainEpochs = "simclr", 100
	p.Begun = []experiment.StageBegun{
		{Stage: experiment.StagePrepare, At: noon.Add(-time.Hour)}, {Stage: experiment.StagePretrain, At: noon.Add(-50 * time.Minute)},
	}
	for epoch := 1; epoch <= 12; epoch++ {
		e := experiment.PretrainEpoch{Epoch: epoch, Loss: 6 / float64(epoch), Seconds: 240}
		if epoch%3 == 0 {
			e.KNN = new(0.05 * float64(epoch))
		}
		p.Pretrain = append(p.Pretrain, e)
	}
	return observation{
		progress: &p,
		info: &workflow.WorkflowExecutionInfo{
			Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(noon.Add(-time.Hour)),
		},
		activities: []pending{{
			key: "first/pretraining#7", kind: experiment.ActivityPretrainEpoch, running: true, worker: "7@lab/abc",
			started: noon.Add(-3 * time.Minute), beat: beat,
			heartbeat: &experiment.Heartbeat{
				Stage: experiment.StagePretrain, Epoch: 13, Step: step, Steps: 200, Loss: 0.45, ViewsPerSecond: 1050,
				Hardware: "AMD EPYC, 2 processors",
			},
		}},
	}
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got+"\n"), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got+"\n", "UPDATE_GOLDEN=1 go test ./starter -run Live writes it anew")
}

func TestLiveViewOfATraining(t *testing.T) {
	before, after := training(100, noon), training(110, noon.Add(10*time.Second))
	after.progress.Changes = []experiment.Change{
		{At: noon.Add(-30 * time.Minute), Update: experiment.UpdatePause, Stage: experiment.StagePretrain, Done: 6},
		{At: noon.Add(-20 * time.Minute), Update: experiment.UpdateResume, Stage: experiment.StagePretrain, Done: 6},
	}
	after.progress.RollBacks = []experiment.RollBack{
		{At: noon.Add(-25 * time.Minute), Stage: "pretrain", Lost: "experiments/first/pretrain/epoch-0006.safetensors", Epochs: 5},
	}
	after.activities[0].attempt, after.activities[0].lastFailure = 2, "activity Heartbeat timeout"
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	requireGolden(t, "live-training", drawn(110, 30, before, after))
}

func TestLiveViewOfAPause(t *testing.T) {
	o := training(100, noon)
	o.progress.Paused, o.activities = true, nil
	text := drawn(100, 24, o)
	require.Contains(t, text, "paused 1h00m")
	require.Contains(t, text, " ‖ pretrain")
	require.NotContains(t, text, "views/s")
}

func TestLiveViewOfAnEvaluation(t *testing.T) {
	r := testResult()
	p := finished(r)
	p.Stage, p.Result, p.Finetune, p.FinetuneEpochs = experiment.StageFinetune, nil, r.Finetune.Epochs[:1], 4
	o := training(100, noon)
	o.progress = p
	o.activities[0].heartbeat.Stage, o.activities[0].heartbeat.Epoch = experiment.StageFinetune, 2
	requireGolden(t, "live-finetune", drawn(100, 24, o))

	p.Stage = experiment.StageAblation
	o.activities[0].heartbeat.Stage = "ablation/scratch-0.01"
	p.LeftOut = nil
	require.Contains(t, drawn(120, 24, o), "ablation/scratch-0.01  epoch 2  step 100/200")
}

// Whatever the size of the terminal, nothing is wider or higher than that.
func TestLiveViewFitsTheTerminal(t *testing.T) {
	o := training(100, noon)
	o.progress.Retry = &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2, Step: 7, Loss: "NaN"}, RateFactor: 0.5}
	for _, width := range []int{1, 10, 40, 80, 200} {
		for _, height := range []int{1, 5, 15, 24, 60} {
			lines := strings.Split(drawn(width, height, o), "\n")
			require.LessOrEqual(t, len(lines), height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), width, "%dx%d: %s", width, height, line)
			}
		}
	}
	require.Contains(t, drawn(120, 40, o), "epoch 2 diverged in step 7 (loss NaN)")
}

func TestLiveViewSaysWhoIsSilent(t *testing.T) {
	require.Contains(t, drawn(80, 24, observation{silence: errors.New("late")}), "no worker answers")
	require.Contains(t, drawn(80, 24, training(1, noon), observation{silence: errors.New("late")}), "no worker answers")
	v := newLiveView("first")
	require.Contains(t, v.draw(), "asking Temporal")
	v.take(training(1, noon), noon)
	v.Update(unanswered{errors.New("refused"), noon})
	require.Contains(t, v.draw(), "Temporal does not answer")
	v.take(training(1, noon), noon)
	require.NotContains(t, v.draw(), "Temporal does not answer")
}
