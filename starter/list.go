package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"twinview/experiment"
)

// listPage is how many experiments Temporal is asked for at a time.
const listPage = 200

func newListCommand(t *target) *cobra.Command {
	var (
		format output
		f      filter
	)
	c := &cobra.Command{
		Use:   "list",
		Short: "List experiments with their accuracy, loss and stage",
		Long: `list shows the experiments that Temporal remembers, the newest first. Temporal forgets what ended longer ago
than its namespace's retention period; what lies in the object store stays.

ACCURACY is the best so far on the validation split, by whichever protocol: kNN while pretraining, then linear evaluation
and fine-tuning. The test split is for the report, not for choosing. LOSS is the mean over pretraining's newest epoch. A
star behind the stage says that pretraining has diverged.

All this comes from Temporal's search attributes, which "starter doctor --fix" registers. Of an experiment that has none,
because it was submitted before or with a payload key, the running ones are asked and the results of the others are read.`,
		Example: `  starter list
  starter list --status paused
  starter list --method barlow_twins --since 7d --sort accuracy
  starter list --query 'BestAccuracy > 0.8' --limit 5 -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(time.Now()); err != nil {
				return usageError{err}
			}
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			experiments, err := t.list(c.Context(), f)
			if err != nil {
				return err
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), experiments)
			}
			if page := t.webList(f.web(time.Now())); page != "" && f.narrows() {
				fmt.Fprintln(c.ErrOrStderr(), "web UI:", page)
			}
			return writeList(c.OutOrStdout(), experiments, f.narrows(), time.Now())
		},
	}
	format.addFlag(c)
	f.addFlags(c)
	return c
}

// list is never nil, so that it is [] in JSON.
func (t *connection) list(ctx context.Context, f filter) ([]overview, error) {
	found := []overview{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: f.list(time.Now(), len(f.indexed()) > 0 && t.searchable(ctx)), PageSize: listPage,
	}
	for {
		page, err := t.ListWorkflow(ctx, request)
		if err != nil {
			return nil, t.explainList(f, err)
		}
		var more []overview
		for _, info := range page.GetExecutions() {
			more = append(more, t.overview(info))
		}
		t.complete(ctx, more)
		for _, o := range more {
			if f.lets(o) {
				found = append(found, o)
			}
		}
		request.NextPageToken = page.GetNextPageToken()
		// The newest come first; for any other order all have to be there.
		if len(request.NextPageToken) == 0 || f.sort == sortAge && len(found) >= f.limit {
			f.order(found)
			return found[:min(len(found), f.limit)], nil
		}
	}
}

func (t *connection) explainList(f filter, err error) error {
	if f.query != "" && errors.As(err, new(*serviceerror.InvalidArgument)) {
		return usageError{fmt.Errorf("--query: Temporal does not understand %q: %w: see https://docs.temporal.io/list-filter, and "+
			"`starter doctor` for the search attributes", f.query, err)}
	}
	return fmt.Errorf("list the experiments in Temporal at %s: %w", t.address, err)
}

func writeList(w io.Writer, experiments []overview, narrowed bool, now time.Time) error {
	if len(experiments) == 0 {
		text := "there are no experiments: submit one with `starter run SPEC`"
		if narrowed {
			text = "there are no such experiments: `starter list` shows all"
		}
		_, err := fmt.Fprintln(w, text)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tSTAGE\tACCURACY\tLOSS\tMETHOD\tDATASET\tAGE\tTOOK")
	for _, o := range experiments {
		stage := dash(o.Stage)
		if o.Diverged {
			stage += "*"
		}
		accuracy, loss := "–", "–"
		if o.BestAccuracy != nil {
			accuracy = experiment.Percent(*o.BestAccuracy)
		}
		if o.Loss != nil {
			loss = fmt.Sprintf("%.4f", *o.Loss)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Name, o.Status, stage, accuracy, loss, dash(o.Method),
			dash(o.Dataset), age(now.Sub(o.Started)), o.took(now))
	}
	return table.Flush()
}

// dash stands for what is not known.
func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// age is a time as lists have it: 45s, 12m, 7h, 3d.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
