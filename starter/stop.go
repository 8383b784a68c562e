package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newStopCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "stop NAME",
		Short: "End the present stage early and go on with what there is",
		Long: `stop ends pretraining, fine-tuning or linear evaluation with augmentation, whichever runs, with the epochs that are
done, and the experiment goes on to its next stage. The epoch under way is given up, within seconds; only the first of a
stage is finished, as nothing could go on without one.

After pretraining, the epoch with the best validation kNN accuracy is evaluated, as always: one of those that were
monitored (knn.every_epochs), or the last one done, which is measured now where it was not. The learning rate has not come
down to its end then; pretrain.epochs and the schedule stay in the report as they were planned.

Other stages can't be stopped: they are short, or could not be compared. starter cancel ends the whole experiment.`,
		Example: `  starter stop first
  starter stop first && starter watch first`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.change(c, format, args[0], experiment.UpdateStop, fmt.Sprintf("watch it: starter watch %s", args[0]))
		},
	}
	format.addFlag(c)
	return c
}
