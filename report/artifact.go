package report

import (
	"cmp"
	"maps"
	"slices"

	"twinview/experiment"
)

// named is an artifact with what it is.
type named struct {
	name string
	experiment.Artifact
}

// artifacts are the objects that a result names and that stay in the store, in the order in which they came to be; then
// the files made for people, by name. An object that is named twice is listed once.
func artifacts(r *experiment.Result) []named {
	var augmented experiment.Selection
	if r.LinearAugmented != nil {
		augmented = r.LinearAugmented.Best
	}
	all := []named{
		{"dataset", r.Data.Archive},
		{"pretrain_checkpoint", r.Best.Checkpoint},
		{"pretrain_model", r.Best.Model},
		{"linear_heads", deref(r.Linear.Heads)},
		{"linear_model", r.Linear.Best.Model},
		{"linear_augmented_checkpoint", augmented.Checkpoint},
		{"linear_augmented_model", augmented.Model},
		{"finetune_checkpoint", r.Finetune.Best.Checkpoint},
		{"finetune_model", r.Finetune.Best.Model},
		{"test_exhibits", deref(r.Test.Exhibits)},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Artifacts)) {
		all = append(all, named{name, r.Artifacts[name]})
	}
	listed := map[string]bool{"": true}
	return slices.DeleteFunc(all, func(a named) bool {
		seen := listed[a.Key]
		listed[a.Key] = true
		return seen
	})
}

func deref(a *experiment.Artifact) experiment.Artifact {
	return *cmp.Or(a, &experiment.Artifact{})
}
