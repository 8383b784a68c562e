//go:build gpu

// Command gpu measures a GPU: its kernels against its roofline, the network against the processor's engine, training against
// PyTorch, and time to an accuracy. It is a part of make gpu-check. Figures go to standard output as lines of JSON.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal has arrived, the second one finds the default again and ends the process at once. Not at first: from a
	// terminal the same one comes twice, by the check too, and PyTorch's processes have to be ended.
	context.AfterFunc(ctx, func() {
		time.Sleep(time.Second)
		stop()
	})
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gpu:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "gpu", Short: "Measure a GPU", SilenceUsage: true,
		SilenceErrors: true, // main prints them
	}
	var o options
	c.PersistentFlags().IntVar(&o.device, "device", 0, "the GPU's number")
	c.PersistentFlags().BoolVar(&o.quick, "quick", false, "tiny sizes, to see that everything runs: speeds mean nothing")
	c.PersistentFlags().StringVar(&o.spec, "spec", "configs/simclr-100.yaml", "the experiment that is trained")
	c.PersistentFlags().StringVar(&o.archive, "archive", "", "CIFAR-10's archive; without it images are drawn")
	c.AddCommand(newDeviceCommand(&o), newRooflineCommand(&o), newNetworkCommand(&o), newTrainingCommand(&o), newAccuracyCommand(&o))
	return c
}

// options are those of every command.
type options struct {
	device        int
	quick         bool
	spec, archive string
}
