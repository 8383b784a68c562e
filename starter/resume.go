package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newResumeCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "resume NAME",
		Short: "Let a paused experiment go on",
		Long:  `resume lets a paused experiment go on where it was, from the last checkpoint, on whichever worker is free.`,
		Example: `  starter resume first
  starter resume first && starter watch first`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.change(c, format, args[0], experiment.UpdateResume, fmt.Sprintf("watch it: starter watch %s", args[0]))
		},
	}
	format.addFlag(c)
	return c
}
