package main

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func linesOf(events []event) []string {
	var lines []string
	for _, e := range events {
		lines = append(lines, e.String())
	}
	return lines
}

func TestNarratorTellsEachLineOnce(t *testing.T) {
	var n narrator
	prepare := testProgress(experiment.StagePrepare, 0)
	prepare.Data = nil
	require.Equal(t, []string{"prepare   begins"}, linesOf(n.tell(prepare, noon)))
	require.Empty(t, linesOf(n.tell(prepare, noon.Add(time.Second))))
	require.Equal(t, []string{
		"prepare   done in 3.0 s: synthetic, 200 training, 50 validation, 50 test images, SHA-256 0123456789ab…",
		"pretrain  begins: 2 epochs",
	}, linesOf(n.tell(testProgress(experiment.StagePretrain, 0), noon.Add(3*time.Second))))
	require.Equal(t, []string{"pretrain  epoch 1/2  loss 4.0000  kNN 25.00 %  123 views/s  1m1s"},
		linesOf(n.tell(testProgress(experiment.StagePretrain, 1), noon.Add(4*time.Second))))
	require.Empty(t, linesOf(n.tell(testProgress(experiment.StagePretrain, 1), noon.Add(5*time.Second))))
}

func TestNarratorTellsStagesThatNobodySaw(t *testing.T) {
	var n narrator
	lines := linesOf(n.tell(*finished(testResult()), noon))
	require.Equal(t, []string{
		"prepare   begins",
		"prepare   done: synthetic, 200 training, 50 validation, 50 test images, SHA-256 0123456789ab…",
		"pretrain  begins: 2 epochs",
		"pretrain  epoch 1/2  loss 4.0000  kNN 25.00 %  123 views/s  1m1s",
		"pretrain  epoch 2/2  loss 2.0000  kNN 50.00 %  123 views/s  1m1s",
		"pretrain  done",
		"select    begins",
		"select    done: epoch 2, validation kNN accuracy 50.00 %",
		"linear    begins",
		"linear    done: epoch 2, validation accuracy 60.00 %",
		"finetune  begins: 2 epochs",
		"finetune  epoch 1/2  loss 1.5000  accuracy 80.00 %  validation loss 1.7500  accuracy 70.00 %  0.5 s",
		"finetune  epoch 2/2  loss 1.5000  accuracy 80.00 %  validation loss 1.7500  accuracy 70.00 %  0.5 s",
		"finetune  done: epoch 2, validation accuracy 70.00 %",
		"test      begins",
		"test      done: kNN accuracy 44.00 %",
		"report    begins",
		"report    done",
	}, lines)
	require.Empty(t, linesOf(n.tell(*finished(testResult()), noon)))
}

// A divergence is told when it happens, and once.
func TestNarratorTellsOfADivergence(t *testing.T) {
	const line = "pretrain  epoch 2 diverged in step 7 (loss NaN): trained again from the checkpoint before it, with learning " +
		"rates 0.5 times as large from there on"
	retry := &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2, Step: 7, Loss: "NaN"}, RateFactor: 0.5}
	var n narrator
	n.tell(testProgress(experiment.StagePretrain, 1), noon)
	p := testProgress(experiment.StagePretrain, 1)
	p.Retry = retry
	require.Equal(t, []string{line}, linesOf(n.tell(p, noon)))
	p = testProgress(experiment.StagePretrain, 2)
	p.Retry, p.Pretrain[1].Retry = retry, retry
	require.Equal(t, []string{"pretrain  epoch 2/2  loss 2.0000  kNN 50.00 %  123 views/s  1m1s"}, linesOf(n.tell(p, noon)))

	r := testResult()
	r.Pretrain[1].Retry = retry
	n = narrator{}
	lines := linesOf(n.tell(*finished(r), noon))
	i := slices.Index(lines, line)
	require.Contains(t, lines[i-1], "epoch 1/2")
	require.Contains(t, lines[i+1], "epoch 2/2")
	require.Contains(t, lines[i+2], "pretrain  done")
}

func TestNarratorTellsOfEachArm(t *testing.T) {
	r := testResult()
	for _, start := range []string{experiment.FromPretrained, experiment.FromScratch} {
		arm := experiment.Arm{Fraction: 0.5, Start: start}
		r.Ablation = append(r.Ablation, experiment.AblationArm{Arm: arm, Labels: 100, Epochs: r.Linear.Epochs})
	}
	var n narrator
	p := finished(r)
	p.Stage, p.Ablation = experiment.StageAblation, r.Ablation[:1]
	lines := linesOf(n.tell(*p, noon))
	require.Equal(t, []string{
		"ablation  begins: 2 epochs an arm",
		"ablation  pretrained, 100 labels  epoch 1/2  loss 1.5000  validation accuracy 60.00 %  0.5 s",
		"ablation  pretrained, 100 labels  epoch 2/2  loss 1.5000  validation accuracy 60.00 %  0.5 s",
	}, lines[len(lines)-3:])
	require.Equal(t, []string{
		"ablation  scratch, 100 labels  epoch 1/2  loss 1.5000  validation accuracy 60.00 %  0.5 s",
		"ablation  scratch, 100 labels  epoch 2/2  loss 1.5000  validation accuracy 60.00 %  0.5 s",
		"ablation  done",
	}, linesOf(n.tell(*finished(r), noon.Add(time.Second)))[:3])
}

func TestNarratorTellsOfLinearEvaluationWithAugmentation(t *testing.T) {
	r := testResult()
	r.LinearAugmented = new(testClassification(0.65))
	var n narrator
	lines := linesOf(n.tell(*finished(r), noon))
	require.Equal(t, []string{
		"linear_augmented begins: 2 epochs",
		"linear_augmented epoch 1/2  loss 1.5000  accuracy 80.00 %  validation loss 1.7500  accuracy 65.00 %  0.5 s",
		"linear_augmented epoch 2/2  loss 1.5000  accuracy 80.00 %  validation loss 1.7500  accuracy 65.00 %  0.5 s",
		"linear_augmented done: epoch 2, validation accuracy 65.00 %",
	}, lines[10:14])
}

func TestNarratorLeavesOutWhatTheSpecLeavesOut(t *testing.T) {
	r := testResult()
	r.Linear, r.Finetune = experiment.Classification{}, experiment.Classification{}
	var n narrator
	lines := linesOf(n.tell(*finished(r), noon))
	require.Equal(t, []string{
		"select    done: epoch 2, validation kNN accuracy 50.00 %", "test      begins",
	}, lines[len(lines)-5:len(lines)-3])
	for _, line := range lines {
		require.NotContains(t, line, "linear")
		require.NotContains(t, line, "finetune")
	}
}

func TestNarratorShowsADashWithoutKNN(t *testing.T) {
	e := testResult().Pretrain[0]
	e.KNN = nil
	require.Contains(t, pretrainEvent(e, 100).String(), "epoch   1/100  loss 4.0000  kNN –")
}

// A progress that comes late, from a query that was answered by an old run, must not be told as news.
func TestNarratorIgnoresAnEarlierStage(t *testing.T) {
	var n narrator
	n.tell(testProgress(experiment.StagePretrain, 2), noon)
	require.Empty(t, linesOf(n.tell(testProgress(experiment.StagePrepare, 0), noon)))
}

func TestHeartbeatLine(t *testing.T) {
	h := experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: 3, Step: 7, Steps: 20, Loss: 5.25, ViewsPerSecond: 99.6}
	require.Equal(t, "pretrain  epoch 3  step 7/20  loss 5.2500  100 views/s", heartbeatEvent(h).String())
	require.Equal(t, "prepare   working ...", heartbeatEvent(experiment.Heartbeat{Stage: experiment.StagePrepare}).String())
}

// Changes by people are told once each, and an experiment that is paused is shown as that.
func TestNarratorTellsOfChanges(t *testing.T) {
	p := testProgress(experiment.StagePretrain, 1)
	p.Changes = []experiment.Change{{At: noon, Update: experiment.UpdatePause, Stage: experiment.StagePretrain, Done: 1}}
	var n narrator
	lines := linesOf(n.tell(p, noon))
	at := noon.Local().Format(time.DateTime)
	require.Equal(t, "pretrain  paused in stage pretrain, epochs done: 1, at "+at, lines[len(lines)-1])
	require.Empty(t, linesOf(n.tell(p, noon)))
	stop := experiment.Change{At: noon, Update: experiment.UpdateStop, Stage: experiment.StagePretrain}
	p.Changes = append(p.Changes, stop)
	require.Equal(t, []string{"pretrain  stage pretrain is stopped as soon as its first epoch is done, at " + at},
		linesOf(n.tell(p, noon)))

	p.Paused = true
	var out bytes.Buffer
	d := details{overview: overview{Name: "first", Status: "running"}, Progress: &p}
	d.measure(&p)
	require.NoError(t, writeDetails(&out, d, observation{}, noon))
	require.Contains(t, out.String(), "first is paused")
}

// That training went back because something was lost is told while it runs and when all is over.
func TestNarratorTellsOfRollBacks(t *testing.T) {
	back := experiment.RollBack{At: noon, Stage: experiment.StagePretrain, Lost: "experiments/first/pretrain/epoch-0002.safetensors", Epochs: 1}
	line := "pretrain  experiments/first/pretrain/epoch-0002.safetensors can't be read back: pretrain went back to epoch 1, at " +
		noon.Local().Format(time.DateTime)
	var n narrator
	n.tell(testProgress(experiment.StagePretrain, 1), noon)
	p := testProgress(experiment.StagePretrain, 1)
	p.RollBacks = []experiment.RollBack{back}
	require.Equal(t, []string{line}, linesOf(n.tell(p, noon)))
	require.Empty(t, linesOf(n.tell(p, noon)))

	r := testResult()
	r.RollBacks = p.RollBacks
	n = narrator{}
	require.Contains(t, linesOf(n.tell(*finished(r), noon)), line)
}
