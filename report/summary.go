package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize/english"

	"twinview/experiment"
)

// Summary writes the results as plain text for a terminal: losses, accuracies and the keys of the artifacts.
func Summary(w io.Writer, spec experiment.Spec, r experiment.Result) error {
	if err := check(&spec, &r); err != nil {
		return fmt.Errorf("summarise %s: %w", r.Experiment, err)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s: %s on %s, %s training images, seed %d\n\n",
		r.Experiment, methodTitle(spec.Method.Name), r.Data.Name, count(r.Data.Train), spec.Seed)
	if epochs := trained(&r); len(epochs) == 0 {
		fmt.Fprintf(t, "no pretraining: the encoder was evaluated as it started\n\n")
	} else {
		fmt.Fprintf(t, "pretraining loss\t%.4f → %.4f\tover %s; epoch %d selected by %s\n\n", epochs[0].Loss,
			epochs[len(epochs)-1].Loss, english.Plural(len(epochs), "epoch", ""), r.Best.Epoch, r.Best.Criterion)
	}
	if retry := experiment.Retried(r.Pretrain); retry != nil {
		fmt.Fprintf(t, "%s\n\n", retry)
	}
	all := evaluations(&spec, &r)
	for i, e := range all {
		if i == 0 {
			fmt.Fprintln(t, "accuracy\ttrain\tvalidation\ttest\t95 % interval\tepoch")
		}
		interval := Wilson(*e.testAccuracy, e.testImages)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s – %s\t%d\n", e.name, percentOr(e.trainAccuracy, "–"),
			percentOr(e.validationAccuracy, "–"), percent(*e.testAccuracy), percent(interval.Low), percent(interval.High),
			e.choice.Epoch)
	}
	if len(all) == 0 {
		fmt.Fprintln(t, unlabelledNote)
	} else {
		fmt.Fprintf(t, "(guessing\t\t\t%s)\n\n", percent(chance(&r)))
	}
	for i, e := range all[min(1, len(all)):] {
		if i == 0 {
			fmt.Fprintln(t, "loss\ttrain\tvalidation\ttest")
		}
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%.4f\n", e.name, *e.trainLoss, *e.validationLoss, *e.testLoss)
	}
	for i, row := range ablationRows(&r) {
		if i == 0 {
			fmt.Fprintln(t, "\nlabels\ttest accuracy, pretrained\tfrom scratch")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", row.Labels, row.Pretrained, row.Scratch)
	}
	fmt.Fprintln(t, "\nobject\tbytes\tSHA-256")
	for _, a := range artifacts(&r) {
		fmt.Fprintf(t, "%s\t%d\t%.12s…\n", a.Key, a.Size, a.SHA256)
	}
	return t.Flush()
}

func percent(fraction float64) string { return fmt.Sprintf("%.1f %%", 100*fraction) }

func percentOr(fraction *float64, otherwise string) string {
	if fraction == nil {
		return otherwise
	}
	return percent(*fraction)
}

// methodTitle is the name that the literature uses.
func methodTitle(method string) string {
	loss, _ := experiment.LossOf(method)
	return loss.Title
}
