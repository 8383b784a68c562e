package main

import (
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

// view is a list of experiments worth keeping; the fields are those of views' JSON.
type view struct {
	Name  string `json:"name"`
	Query string `json:"query"`
	// URL opens the view and keeps it.
	URL string `json:"url"`
}

// views are the lists for each kind of run and each state that people look for.
func (t *connection) views() []view {
	all := []view{
		{Name: "Experiments", Query: (&filter{}).web(time.Time{})},
		{Name: "Running", Query: (&filter{status: statusRunning}).web(time.Time{})},
		{Name: "Paused", Query: (&filter{status: statusPaused}).web(time.Time{})},
		{Name: "Diverged", Query: (&filter{query: "Diverged = true"}).web(time.Time{})},
		{Name: "Failed", Query: (&filter{status: "failed"}).web(time.Time{})},
		{Name: "SimCLR", Query: (&filter{method: experiment.SimCLR}).web(time.Time{})},
		{Name: "Barlow Twins", Query: (&filter{method: experiment.BarlowTwins}).web(time.Time{})},
	}
	for i := range all {
		all[i].URL = t.webList(all[i].Query) + "&savedQuery=" + url.QueryEscape(all[i].Name)
	}
	return all
}

func newViewsCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "views",
		Short: "Print links that keep lists of experiments in Temporal's web UI",
		Long: `views prints a link for each kind of run and each state that people look for. Opened once, it stays among the web UI's
saved views in that browser.`,
		Example: `  starter views
  starter views -o json | jq -r '.[].url'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			if t.webList("") == "" {
				return usageError{errors.New("nobody has said where the web UI is: set " + envUI + ", as in http://localhost:8233")}
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), t.views())
			}
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, v := range t.views() {
				fmt.Fprintf(table, "%s\t%s\n", v.Name, v.URL)
			}
			return table.Flush()
		},
	}
	format.addFlag(c)
	return c
}
