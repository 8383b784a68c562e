package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"twinview/experiment"
	"twinview/report"
	"twinview/storage"
)

// comparisonFile is the page of a comparison.
const comparisonFile = "comparison.html"

func newCompareCommand(t *target) *cobra.Command {
	var (
		format output
		out    string
	)
	c := &cobra.Command{
		Use:   "compare NAME NAME...",
		Short: "Lay experiments side by side: what differs, accuracies, curves",
		Long: `compare shows in which fields the specs of experiments differ and what they have come to: accuracies on the test split with
their 95 % intervals, or the best on validation where one hasn't been tested yet. With --out it also draws their curves over
each other (pretraining loss, kNN, linear evaluation, fine-tuning) as PNG and SVG files, and writes all of that as one web page
that loads nothing, ` + comparisonFile + `.

Experiments may run, have finished or have failed. Of those that Temporal has forgotten, what the object store has is taken.`,
		Example: `  starter compare first second
  starter compare simclr-100 barlow-twins-1000 --out comparison
  starter compare first second -o json | jq '.differences'`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			all, err := t.compared(c.Context(), args)
			if err != nil {
				return err
			}
			var files []string
			if out != "" {
				if files, err = writeComparison(all, out); err != nil {
					return err
				}
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), comparison{report.Compare(all), files})
			}
			if err := report.ComparisonSummary(c.OutOrStdout(), report.Compare(all)); err != nil {
				return err
			}
			return tellFiles(c.OutOrStdout(), files)
		},
	}
	format.addFlag(c)
	c.Flags().StringVar(&out, "out", "", "folder for the web page and the plots; made where it is missing")
	completeFlag(c, "out", completeFolders)
	return c
}

// comparison is compare's JSON.
type comparison struct {
	report.Comparison
	// Files are those that were written.
	Files []string `json:"files,omitempty"`
}

// compared are the experiments of these names, in their order.
func (t *target) compared(ctx context.Context, names []string) ([]report.Compared, error) {
	for i, name := range names {
		if err := checkName(name); err != nil {
			return nil, err
		}
		if slices.Contains(names[:i], name) {
			return nil, usageError{fmt.Errorf("%q is named twice: name experiments that differ", name)}
		}
	}
	connection, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	all := make([]report.Compared, len(names))
	for i, name := range names {
		if all[i], err = connection.compared(ctx, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compared is an experiment as Temporal knows it, else as the object store does.
func (t *connection) compared(ctx context.Context, name string) (report.Compared, error) {
	seen, err := t.observe(ctx, name)
	if errors.As(err, new(*serviceerror.NotFound)) && !errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		return t.forgotten(ctx, name)
	}
	if err != nil {
		return report.Compared{}, t.explain(name, err)
	}
	c := report.Compared{Name: name, Status: stateOf(seen)}
	if seen.ending != nil {
		c.Spec, c.Result, c.Tested = seen.ending.spec, seen.ending.result, true
		return c, nil
	}
	if seen.progress != nil {
		c.Result = resultSoFar(*seen.progress)
	}
	if c.Spec, err = t.spec(ctx, name, seen.info.GetExecution().GetRunId()); err != nil {
		return c, t.explain(name, err)
	}
	return c, nil
}

// stateOf is how an experiment is doing, in a few words.
func stateOf(o observation) string {
	state := status(o.info.GetStatus())
	p := o.progress
	switch {
	case o.ending != nil:
		return state
	case p == nil:
		return state + "; no worker says how far"
	case o.failure != nil:
		return state + " in stage " + p.Stage
	case p.Paused:
		state = "paused"
	}
	if p.Stage == experiment.StagePretrain {
		return fmt.Sprintf("%s: pretrain, %d of %d epochs", state, len(p.Pretrain), p.PretrainEpochs)
	}
	return state + ": " + p.Stage
}

// resultSoFar is what an experiment without a result has come to.
func resultSoFar(p experiment.Progress) experiment.Result {
	if p.Result != nil {
		return *p.Result
	}
	r := experiment.Result{Experiment: p.Experiment, Pretrain: p.Pretrain, Ablation: p.Ablation, Changes: p.Changes}
	r.Finetune.Epochs = p.Finetune
	if p.Data != nil {
		r.Data = *p.Data
	}
	if p.Linear != nil {
		r.Linear = *p.Linear
	}
	if len(p.LinearAugmented) > 0 {
		r.LinearAugmented = &experiment.Classification{Epochs: p.LinearAugmented}
	}
	return r
}

// forgotten is a finished experiment that Temporal no longer knows.
func (t *connection) forgotten(ctx context.Context, name string) (report.Compared, error) {
	c := report.Compared{Name: name, Status: "finished", Tested: true}
	store, err := openStore(ctx)
	if err != nil {
		return c, notFoundError{fmt.Errorf("no experiment is called %q in Temporal, and the object store can't be asked: %w", name, err)}
	}
	p, err := readPublished(ctx, inStore(store, name))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return c, notFoundError{fmt.Errorf("no experiment is called %q: neither Temporal at %s knows one, nor has the object store what a "+
			"finished one leaves: `starter list` shows those that there are: %w", name, t.address, err)}
	case err != nil:
		return c, fmt.Errorf("read what the object store has of %q: %w", name, err)
	}
	c.Spec, c.Result = p.spec, p.result
	return c, nil
}

// writeComparison writes the page and the plots into a folder and returns their paths, the page first.
func writeComparison(all []report.Compared, out string) ([]string, error) {
	files, err := report.ComparisonPlots(all)
	if err != nil {
		return nil, err
	}
	if files[comparisonFile], err = report.ComparisonHTML(all); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for the comparison: %w", err)
	}
	written := []string{filepath.Join(out, comparisonFile)}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(out, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return nil, fmt.Errorf("write the comparison: %w", err)
		}
		if name != comparisonFile {
			written = append(written, path)
		}
	}
	return written, nil
}

func tellFiles(w io.Writer, files []string) error {
	if len(files) == 0 {
		return nil
	}
	plots := slices.DeleteFunc(slices.Clone(files[1:]), func(path string) bool { return !strings.HasSuffix(path, ".png") })
	if len(plots) == 0 {
		_, err := fmt.Fprintf(w, "\nwrote %s; there are no curves yet\n", files[0])
		return err
	}
	_, err := fmt.Fprintf(w, "\nwrote %s and %s beside it, each as PNG and SVG\n", files[0], count(len(plots), "plot"))
	return err
}
