package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"

	"twinview/experiment"
)

func newListCommand(t *target) *cobra.Command {
	var (
		format output
		limit  int
	)
	c := &cobra.Command{
		Use:   "list",
		Short: "List experiments, the newest first",
		Long: `list shows the experiments that Temporal remembers, the newest first. Temporal forgets what ended longer ago
than its namespace's retention period; what lies in the object store stays.`,
		Example: `  starter list
  starter list --limit 5 -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return fmt.Errorf("--limit: %d is out of range: must be at least 1", limit)
			}
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			experiments, err := t.list(c.Context(), limit)
			if err != nil {
				return err
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), experiments)
			}
			return writeList(c.OutOrStdout(), experiments, time.Now())
		},
	}
	format.addFlag(c)
	c.Flags().IntVarP(&limit, "limit", "n", 50, "at most this many")
	return c
}

// list is never nil, so that it is [] in JSON.
func (t *connection) list(ctx context.Context, limit int) ([]overview, error) {
	found := []overview{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s'", experiment.WorkflowExperiment),
	}
	for {
		page, err := t.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list the experiments in Temporal at %s: %w", t.address, err)
		}
		for _, info := range page.GetExecutions() {
			if len(found) == limit {
				return found, nil
			}
			found = append(found, t.overview(info))
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.NextPageToken) == 0 {
			return found, nil
		}
	}
}

func writeList(w io.Writer, experiments []overview, now time.Time) error {
	if len(experiments) == 0 {
		_, err := fmt.Fprintln(w, "there are no experiments: submit one with `starter run SPEC`")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tSTARTED\tTOOK")
	for _, o := range experiments {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", o.Name, o.Status, o.Started.Format(time.DateTime), o.took(now))
	}
	return table.Flush()
}
