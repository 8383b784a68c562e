package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

// details is all that show tells; the fields are those of its JSON.
type details struct {
	overview
	Failure  string               `json:"failure,omitempty"`
	Progress *experiment.Progress `json:"progress,omitempty"`
}

func newShowCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show an experiment: its state, its epochs, its results",
		Long: `show tells how an experiment is doing at this moment: its stage and epochs, what was changed on the way, and where it has
ended, its results and files or what went wrong. That it has failed is no failure of show, which ends with exit code 0.`,
		Example: `  starter show first
  starter show first -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			seen, err := t.observe(c.Context(), args[0])
			if err != nil {
				return t.explain(args[0], err)
			}
			d := details{overview: t.overview(seen.info), Progress: seen.progress}
			if seen.progress != nil {
				d.measure(seen.progress)
			}
			if seen.failure != nil {
				d.Failure = cause(seen.failure).Error()
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), d)
			}
			return writeDetails(c.OutOrStdout(), d, seen, time.Now())
		},
	}
	format.addFlag(c)
	return c
}

func writeDetails(w io.Writer, d details, seen observation, now time.Time) error {
	fmt.Fprintf(w, "%s is %s: began %s, %s\n", d.Name, d.Status, d.Started.Format(time.DateTime), d.took(now))
	if d.WebUI != "" {
		fmt.Fprintln(w, "web UI:", d.WebUI)
	}
	if d.Failure != "" {
		fmt.Fprintln(w, "cause:", d.Failure)
	}
	if d.Progress == nil {
		_, err := fmt.Fprintln(w, "how far it is only a worker can say, and none answers: try `starter doctor`")
		return err
	}
	var n narrator
	for _, e := range n.tell(*d.Progress, now) {
		fmt.Fprintln(w, e)
	}
	for _, a := range seen.activities {
		if a.running && a.heartbeat != nil {
			fmt.Fprintln(w, heartbeatEvent(*a.heartbeat))
		}
		if a.lastFailure != "" {
			fmt.Fprintf(w, "%s: attempt %d; the one before failed: %s\n", a.kind, a.attempt, a.lastFailure)
		}
	}
	if seen.ending != nil {
		return seen.ending.write(w)
	}
	return nil
}
