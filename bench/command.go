package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCommand() *cobra.Command {
	var s sizes
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast Twinview trains here, and how near that is to what the processor can do",
		Long: `bench measures training, inference, augmentation, memory and every convolution, in all precisions that this
processor has. JSON lines go to standard output, a table to standard error.

Everything is measured in turns, and medians count. Leave the machine alone meanwhile.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true, // main prints them
		RunE: func(c *cobra.Command, _ []string) error {
			if err := s.resolve(); err != nil {
				return err
			}
			fmt.Fprintln(c.ErrOrStderr(), conditions())
			records, err := measure(c.Context(), s, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(c, records)
		},
	}
	s.flags(c.Flags())
	c.AddCommand(newServeCommand(), newMemoryCommand(), newPeerCommand(), newDurabilityCommand())
	return c
}

func write(c *cobra.Command, records []record) error {
	if err := writeJSON(c.OutOrStdout(), records); err != nil {
		return err
	}
	return writeTable(c.ErrOrStderr(), records)
}

// newMemoryCommand is what bench starts itself as, to measure memory.
func newMemoryCommand() *cobra.Command {
	var s sizes
	var name string
	c := &cobra.Command{
		Use: "step-memory", Short: "Take one training step and tell the memory that it needed", Hidden: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := precisionNamed(name, s)
			if err != nil {
				return err
			}
			r, err := stepMemory(c.Context(), s, p)
			if err != nil {
				return err
			}
			return writeJSON(c.OutOrStdout(), []record{r})
		},
	}
	s.flags(c.Flags())
	c.Flags().StringVar(&name, "precision", "float32", "float32 or bfloat16")
	return c
}

// newServeCommand is what bench starts itself as, to be compared with PyTorch in another process.
func newServeCommand() *cobra.Command {
	var s sizes
	var name string
	c := &cobra.Command{
		Use: "serve-steps", Short: "Take one training step for each line of standard input and print its seconds",
		Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := precisionNamed(name, s)
			if err != nil {
				return err
			}
			return serveSteps(c.Context(), s, p, c.InOrStdin(), c.OutOrStdout())
		},
	}
	s.flags(c.Flags())
	c.Flags().StringVar(&name, "precision", "float32", "float32 or bfloat16")
	return c
}
