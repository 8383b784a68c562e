package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"twinview/experiment"
)

func newSpecCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "spec",
		Short: "Write, check and understand specs",
		Long: `A spec is the YAML file that describes an experiment: what is learned from which images, how, and how it is evaluated.
What it doesn't say has a default. These commands need no Temporal and no object store.`,
		Example: `  starter spec init first.yaml --recipe cpu-simclr
  starter spec check first.yaml
  starter spec explain pretrain.optimizer`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSpecInitCommand(), newSpecCheckCommand(), newSpecExplainCommand())
	return c
}

// specFlags are the flags of commands that take a spec.
type specFlags struct {
	name string
	set  []string
}

func (o *specFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&o.name, "name", "", "the experiment's name; overrides the spec's")
	c.Flags().StringArrayVar(&o.set, "set", nil, "change a field, as in pretrain.epochs=5; may be repeated")
	completeFlag(c, "name", cobra.NoFileCompletions)
	completeFlag(c, "set", completeAssignments)
}

// readSpec is the valid spec in the file, or on in where it is called "-", with the changes of the flags. Every command that
// takes a spec reads it here.
func readSpec(path string, in io.Reader, o specFlags) (experiment.Spec, error) {
	data, err := readFile(path, in)
	if err != nil {
		return experiment.Spec{}, err
	}
	spec, err := experiment.Read(data, o.name, o.set...)
	if err != nil {
		return spec, fmt.Errorf("%s is no valid spec:\n%w", cmp.Or(map[string]string{"-": "standard input"}[path], path), err)
	}
	return spec, nil
}

func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError{fmt.Errorf("read spec: %w: `starter spec init %s` writes one", err, path)}
	}
	if err != nil {
		return nil, fmt.Errorf("read spec: %w", err)
	}
	return data, nil
}
