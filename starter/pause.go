package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newPauseCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "pause NAME",
		Short: "Pause a running experiment",
		Long: `pause stops an experiment until it is resumed, and sets its worker free for others. An epoch that runs, of
pretraining, fine-tuning or linear evaluation with augmentation, stops behind its present step within seconds and leaves a
checkpoint, from which it goes on in the same bits (with checkpoints.every_seconds: 0 it begins anew). What is shorter is
finished first.`,
		Example: `  starter pause first
  starter resume first`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			next := fmt.Sprintf("nothing is computed until `starter resume %s`", args[0])
			return t.change(c, format, args[0], experiment.UpdatePause, next)
		},
	}
	format.addFlag(c)
	return c
}
