package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newExtendCommand(t *target) *cobra.Command {
	var (
		format output
		epochs int
	)
	c := &cobra.Command{
		Use:   "extend NAME --epochs N",
		Short: "Change the number of pretraining's epochs while it runs",
		Long: `extend gives a running pretraining another number of epochs in all, more or fewer, but not fewer than are done. The
epoch under way is finished as it was planned, unless N is less than its number; then it is given up. From the next one on,
the learning rate follows the schedule of N epochs, which makes it jump. Each epoch's number of planned epochs is in the
result, in metrics.json and in the report. Warm-up and progressive resizing must fit into N epochs.`,
		Example: `  starter extend first --epochs 200
  starter extend first --epochs 20 -o json | jq .done`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.change(c, format, args[0], experiment.UpdateExtend, fmt.Sprintf("watch it: starter watch %s", args[0]),
				experiment.Extension{Epochs: epochs})
		},
	}
	format.addFlag(c)
	c.Flags().IntVar(&epochs, "epochs", 0, "the new number of epochs in all")
	completeFlag(c, "epochs", cobra.NoFileCompletions)
	// The flag exists.
	_ = c.MarkFlagRequired("epochs")
	return c
}
