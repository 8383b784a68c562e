package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// However often the number of epochs changes, each epoch keeps the plan that it was trained under.
func TestEpochsKeepTheirPlan(t *testing.T) {
	p := Pretrain{Epochs: 100}
	require.Equal(t, p, p.Replanned(50, 100), "nothing changes")
	require.Equal(t, Pretrain{Epochs: 20}, p.Replanned(0, 20), "before the first epoch there is nothing to keep")

	longer := p.Replanned(50, 200)
	require.Equal(t, Pretrain{Epochs: 200, EarlierPlans: []PretrainPlan{{50, 100}}}, longer)
	require.Equal(t, p, longer.In(1))
	require.Equal(t, p, longer.In(50))
	require.Equal(t, longer, longer.In(51))
	require.Equal(t, longer.Replanned(50, 100), p, "changed back before an epoch was trained under it")

	shorter := longer.Replanned(60, 80)
	require.Equal(t, Pretrain{Epochs: 80, EarlierPlans: []PretrainPlan{{50, 100}, {60, 200}}}, shorter)
	require.Equal(t, longer, shorter.In(60))
	require.Equal(t, []PretrainPlan{{50, 100}}, longer.EarlierPlans, "a plan is never changed in place")
}

// The epochs of a result lead to the spec that repeats them.
func TestPlansOfTrainedEpochs(t *testing.T) {
	var epochs []PretrainEpoch
	for i, planned := range []int{3, 3, 0, 6, 4} {
		epochs = append(epochs, PretrainEpoch{Epoch: i + 1, Planned: planned})
	}
	got := Pretrain{Epochs: 3}.After(epochs)
	require.Equal(t, Pretrain{Epochs: 4, EarlierPlans: []PretrainPlan{{3, 3}, {4, 6}}}, got)
	require.Equal(t, got, got.After(epochs), "a spec that says so already stays as it is")
}

func TestEarlierPlansAreChecked(t *testing.T) {
	for text, wrong := range map[string]string{
		"[{until: 2, epochs: 3}]":                        "",
		"[{until: 2, epochs: 3}, {until: 4, epochs: 9}]": "",
		"[{until: 0, epochs: 3}]":                        "pretrain.earlier_plans[0].until: 0 ends no plan",
		"[{until: 4, epochs: 3}]":                        "pretrain.earlier_plans[0].until: 4 ends no plan",
		"[{until: 5, epochs: 9}]":                        "pretrain.earlier_plans[0].until: 5 ends no plan",
		"[{until: 2, epochs: 3}, {until: 2, epochs: 9}]": "pretrain.earlier_plans[1].until: 2 ends no plan",
		"[{until: 1, epochs: 1}]":                        "pretrain.schedule.warmup_epochs",
	} {
		spec, err := Parse([]byte("name: x\npretrain: {epochs: 5, schedule: {warmup_epochs: 2}, earlier_plans: " + text + "}\n"))
		require.NoError(t, err, text)
		err = spec.Validate()
		if wrong == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, wrong, text)
		}
	}
}
