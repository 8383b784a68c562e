package main

import (
	"errors"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newSpecCheckCommand() *cobra.Command {
	var (
		format output
		flags  specFlags
	)
	c := &cobra.Command{
		Use:   "check SPEC",
		Short: "Say all that is wrong with a spec, or print it with every default",
		Long: `check reads a spec as starter run does and prints it whole: what the file and --set say, and the defaults of all else.
Where something is wrong, it names everything at once, each with its place, its value and what it must be, and ends with
exit code 2. With -o json, that is a list of problems. SPEC may be "-" for standard input.`,
		Example: `  starter spec check configs/simclr-100.yaml
  starter spec check first.yaml --set method.temperature=0.2 --set pretrain.epochs=20
  starter spec check first.yaml -o json | jq .pretrain.optimizer
  starter spec init --recipe cpu-simclr | starter spec check -`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := readSpec(args[0], c.InOrStdin(), flags)
			if err != nil {
				return tellProblems(c, format, err)
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), spec)
			}
			text, err := spec.YAML()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
		ValidArgsFunction: completeSpecs,
	}
	format.addFlag(c)
	flags.add(c)
	return c
}

// tellProblems prints what is wrong with a spec for programs too.
func tellProblems(c *cobra.Command, format output, err error) error {
	var problems experiment.Problems
	if format == outputJSON && errors.As(err, &problems) {
		return errors.Join(err, writeJSON(c.OutOrStdout(), problems))
	}
	return err
}
