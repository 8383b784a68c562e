package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A round follows from the seed and its number: it is the same however many rounds are asked for.
func TestPlansAreRepeatable(t *testing.T) {
	many, few := plans(7, 40, 3), plans(7, 17, 3)
	for i := range few {
		require.Equal(t, many[i].String(), few[i].String())
	}
	require.NotEqual(t, plans(8, 1, 3)[0].String(), few[0].String())
}

func TestKindsComeAboutEquallyOften(t *testing.T) {
	count := map[*kind]int{}
	for _, p := range plans(1, 100, 3) {
		require.NotEmpty(t, p.harms)
		require.LessOrEqual(t, len(p.harms), 3)
		starts := 0
		for i, h := range p.harms {
			count[h.kind]++
			require.GreaterOrEqual(t, p.workers, h.kind.workers)
			if h.kind.atStart {
				starts++
				require.Zero(t, i, "what happens at the start comes first")
			}
		}
		require.LessOrEqual(t, starts, 1)
	}
	least, most := 1000, 0
	for _, k := range kinds {
		least, most = min(least, count[k]), max(most, count[k])
	}
	require.LessOrEqual(t, most-least, 3, "%v", count)
}

func TestEveryKindIsThereOnce(t *testing.T) {
	count := map[*kind]int{}
	for _, p := range everyKind(1) {
		for _, h := range p.harms {
			count[h.kind]++
		}
	}
	for _, k := range kinds {
		require.Equal(t, 1, count[k], k.name)
	}
}

func TestClassify(t *testing.T) {
	for key, want := range map[string]target{
		"experiments/a/pretrain/epoch-0002.safetensors":                                   targetCheckpoint,
		"experiments/a/pretrain/epoch-0002.1f3a5c7e9b2d.safetensors":                      targetCheckpoint,
		"experiments/a/pretrain/epoch-0002.json":                                          targetRecord,
		"experiments/a/pretrain/epoch-0002.partial/step-000120-attempt-1-abc.safetensors": targetPartial,
		"experiments/a/pretrain/epoch-0002.partial/step-000120-attempt-1-abc.json":        targetManifest,
		"experiments/a/simclr_best_epoch.pt":                                              targetModel,
		"experiments/a/plots/loss.svg":                                                    targetReport,
		"experiments/a/tensorboard/test/events.out.tfevents.0000000000.twinview":          targetReport,
		"experiments/a/report.html":                                                       targetReport,
		"experiments/a/spec.yaml":                                                         "",
	} {
		got, where := classify(key)
		require.Equal(t, want, got, key)
		if want == targetCheckpoint || want == targetPartial {
			require.Equal(t, place{"pretrain", 2}, where)
		}
	}
}
