// Command check is what make gpu-check puts into its folder as `run`: it tries everything of the GPU engine on the machine where it
// is started, step by step, and tells what came out in a table and in results.json. It needs nothing but the folder that it lies in
// and NVIDIA's driver; PyTorch, nvidia-smi and compute-sanitizer are used where they are.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal has arrived, the second one finds the default again and ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gpu-check:", err)
		os.Exit(1)
	}
}

// settings are what the command line says.
type settings struct {
	quick  bool
	device int
	only   []string
	python string
	// modes are PyTorch's, all if there are none; modeTimeout is how long each may take.
	modes       []string
	modeTimeout time.Duration
	epochs      int
	libc        string
	out         string
	folder      string // that of this program
}

func newCommand() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   "run",
		Short: "Try the GPU engine on this machine",
		Long: `run tries every kernel against float64, the engine's tests, the whole network against the processor's engine, NVIDIA's
compute-sanitizer, the speed of every kernel, training beside PyTorch's, and the time to an accuracy. A step that fails does not keep
the others from running. What came out is printed as one table, and written to results.json and logs/ beside this program.`,
		Args: cobra.NoArgs, SilenceUsage: true,
		SilenceErrors: true, // main prints them
		RunE: func(c *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program's folder: %w", err)
			}
			s.folder = filepath.Dir(self)
			return check(c.Context(), s, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.BoolVar(&s.quick, "quick", false, "tiny sizes, to see that every step works: speeds mean nothing")
	f.IntVar(&s.device, "device", 0, "the GPU's number")
	f.StringSliceVar(&s.only, "only", nil, "only these steps, of "+names())
	f.StringVar(&s.python, "python", "python3", "a Python with torch; \"none\" leaves PyTorch out")
	f.StringArrayVar(&s.modes, "mode", nil, "try only the mode of PyTorch with this name, again for more; peer_gpu.py modes lists them")
	f.DurationVar(&s.modeTimeout, "mode-timeout", 3*time.Minute, "how long a mode of PyTorch may take to start, and how long for an epoch")
	f.IntVar(&s.epochs, "epochs", 10, "epochs of pretraining in the step accuracy; 100 reach what a recipe promises")
	f.StringVar(&s.libc, "libc", "auto", "whose C library programs run with: system, bundled, or auto for the one that works")
	f.StringVar(&s.out, "out", "", "where the results go, results.json beside this program if it is not set")
	return c
}
