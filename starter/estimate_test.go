package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestPaceGoesByWhatIsSeen(t *testing.T) {
	beating := func(key string, step, resumed int, after time.Duration) pending {
		return pending{key: key, started: noon, beat: noon.Add(after), heartbeat: &experiment.Heartbeat{
			Step: step, Steps: 100, ResumedAt: resumed,
		}}
	}
	var p pace
	require.Zero(t, p.perStep(pending{}))
	require.Equal(t, 2*time.Second, p.perStep(beating("a", 10, 5, 10*time.Second)), "since the attempt began, at step 5")
	require.Equal(t, time.Second, p.perStep(beating("a", 20, 5, 20*time.Second)), "since it was first seen, without its start")
	require.Zero(t, p.perStep(beating("b", 0, 0, time.Minute)), "the next epoch")
	require.Equal(t, 3*time.Second, p.perStep(beating("b", 10, 0, 90*time.Second)))
	require.Equal(t, 9*time.Second, p.perStep(beating("b", 10, 0, 90*time.Second).again(5)), "an attempt that begins behind")
}

// again is a where it has come to an earlier step.
func (a pending) again(step int) pending {
	h := *a.heartbeat
	h.Step = step
	a.attempt, a.heartbeat, a.started = a.attempt+1, &h, a.beat.Add(-45*time.Second)
	return a
}

func TestTimeLeft(t *testing.T) {
	h := experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: 3, Step: 25, Steps: 100}
	require.Equal(t, 75*time.Second, epochLeft(h, time.Second))
	p := experiment.Progress{PretrainEpochs: 5}
	require.Equal(t, 275*time.Second, stageLeft(p, h, time.Second), "the other two as long as this one")
	p.Pretrain = []experiment.PretrainEpoch{
		{Seconds: 9999}, {Seconds: 300, KNNSeconds: 100}, {Seconds: 400}, {Seconds: 300, Usage: &experiment.Usage{Seconds: 400}},
	}
	require.Equal(t, 875*time.Second, stageLeft(p, h, time.Second), "as long as the last three")
	h.Stage = experiment.StageTest
	require.Zero(t, stageLeft(p, h, time.Second))
}

func TestStageTimesAddUp(t *testing.T) {
	p := experiment.Progress{Begun: []experiment.StageBegun{
		{Stage: "prepare", At: noon}, {Stage: "pretrain", At: noon.Add(time.Second)}, {Stage: "select", At: noon.Add(time.Minute)},
		{Stage: "pretrain", At: noon.Add(2 * time.Minute)},
	}}
	require.Equal(t, map[string]time.Duration{
		"prepare": time.Second, "pretrain": 59*time.Second + time.Minute, "select": time.Minute,
	}, stageTimes(p, noon.Add(3*time.Minute)))
}

func TestSparkline(t *testing.T) {
	require.Equal(t, "▁▄█", sparkline([]float64{1, 2, 3}, 10))
	require.Equal(t, "▅▅", sparkline([]float64{2, 2}, 10), "nothing to tell apart")
	require.Empty(t, sparkline(nil, 10))
	many := make([]float64, 1000)
	for i := range many {
		many[i] = float64(i)
	}
	require.Equal(t, "▁▂▃▄▅▆▇█", sparkline(many, 8))
}
