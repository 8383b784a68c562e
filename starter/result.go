package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"twinview/experiment"
)

// writeResult prints the end of an experiment: its figures, and the keys under which the store has its files.
func writeResult(w io.Writer, r experiment.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%s\tloss\ttrain\tvalidation\ttest\n", r.Experiment)
	if n := len(r.Pretrain); n > 0 {
		fmt.Fprintf(table, "pretraining, first epoch\t%.4f\n", r.Pretrain[0].Loss)
		fmt.Fprintf(table, "pretraining, last epoch\t%.4f\n", r.Pretrain[n-1].Loss)
	}
	fmt.Fprintf(table, "kNN, epoch %d\t\t\t%s\t%s\n", r.Best.Epoch, percent(r.Best.Value), percent(r.Test.KNNAccuracy))
	writeClassifier(table, "linear evaluation", r.Linear)
	writeClassifier(table, "fine-tuning", r.Finetune)
	fmt.Fprintln(table, "\nobject key\tsize")
	for _, name := range slices.Sorted(maps.Keys(r.Artifacts)) {
		fmt.Fprintf(table, "%s\t%s\n", r.Artifacts[name].Key, size(r.Artifacts[name].Size))
	}
	return table.Flush()
}

// writeClassifier prints the figures of the selected epoch.
func writeClassifier(w io.Writer, what string, c experiment.Classification) {
	i := slices.IndexFunc(c.Epochs, func(e experiment.ClassifierEpoch) bool { return e.Epoch == c.Best.Epoch })
	if i < 0 {
		return
	}
	e, test := c.Epochs[i], "–"
	if e.TestAccuracy != nil {
		test = percent(*e.TestAccuracy)
	}
	fmt.Fprintf(w, "%s, epoch %d\t%.4f\t%s\t%s\t%s\n", what, e.Epoch, e.TrainLoss, percent(e.TrainAccuracy),
		percent(e.ValidationAccuracy), test)
}
