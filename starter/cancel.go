package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCancelCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "cancel NAME",
		Short: "End a running experiment without a result",
		Long: `cancel ends an experiment behind its present step. The epochs that are done stay in the object store, the one under
way is lost. The experiment can be run again under its name, with the same spec: it goes on behind those epochs. To keep
the one under way, use starter pause; to evaluate what there is, starter stop.`,
		Example: `  starter cancel first
  starter run first.yaml --watch   # and go on with it later`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			// To cancel what has ended is no error to Temporal.
			if err := t.checkRunning(c.Context(), name, "cancel"); err != nil {
				return err
			}
			if err := t.CancelWorkflow(c.Context(), name, ""); err != nil {
				return t.explain(name, err)
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), cancelled{name, true})
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ends as soon as its present step has\nsee it: starter show %s\n", name, name)
			return err
		},
	}
	format.addFlag(c)
	return c
}

// cancelled is cancel's JSON.
type cancelled struct {
	Name string `json:"name"`
	// Requested is true: the experiment ends behind its present step.
	Requested bool `json:"cancel_requested"`
}
