package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"twinview/experiment"
)

// digests are the parts of a result that depend on nothing but the spec: bits of checkpoints and models, losses and
// accuracies, by what they are.
func digests(r *experiment.Result) map[string]string {
	d := map[string]string{"data": r.Data.SHA256}
	number := func(name string, v float64) { d[name] = fmt.Sprint(v) }
	for _, e := range r.Pretrain {
		name := fmt.Sprintf("pretrain %d ", e.Epoch)
		d[name+"checkpoint"] = e.Checkpoint.SHA256
		number(name+"loss", e.Loss)
		if e.KNN != nil {
			number(name+"kNN", *e.KNN)
		}
	}
	for stage, c := range map[string]experiment.Classification{"linear": r.Linear, "finetune": r.Finetune} {
		for _, e := range c.Epochs {
			name := fmt.Sprintf("%s %d ", stage, e.Epoch)
			if e.Checkpoint != nil {
				d[name+"checkpoint"] = e.Checkpoint.SHA256
			}
			number(name+"training loss", e.TrainLoss)
			number(name+"validation loss", e.ValidationLoss)
			number(name+"validation accuracy", e.ValidationAccuracy)
		}
		d[stage+" model"] = c.Best.Model.SHA256
	}
	d["pretrain model"] = r.Best.Model.SHA256
	number("test kNN", r.Test.KNNAccuracy)
	for i, s := range slices.Concat(r.Test.Linear, r.Test.Finetune) {
		number(fmt.Sprintf("test loss %d", i+1), s.Loss)
	}
	if r.Test.Exhibits != nil {
		d["exhibits"] = r.Test.Exhibits.SHA256
	}
	if r.Test.Embeddings != nil {
		d["embeddings"] = r.Test.Embeddings.SHA256
	}
	for name, a := range r.Artifacts {
		if strings.HasSuffix(name, ".pt") {
			d[name] = a.SHA256
		}
	}
	return d
}

// differing names what is not the same, with both.
func differing(want, got map[string]string) []string {
	names := map[string]bool{}
	for name := range want {
		names[name] = true
	}
	for name := range got {
		names[name] = true
	}
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if want[name] != got[name] {
			differ = append(differ, fmt.Sprintf("%s: %q instead of %q", name, got[name], want[name]))
		}
	}
	return differ
}
