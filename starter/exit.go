package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"twinview/experiment"
	"twinview/storage"
)

// Exit codes, by which scripts tell failures apart.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
	exitFailed      = 5
	// exitInterrupted is what shells expect of a program that Ctrl-C has ended.
	exitInterrupted = 130
)

// exitHelp is what people read of them.
const exitHelp = `Exit codes:
    0  done
    1  it failed otherwise
    2  wrong flags or arguments, or a spec that is none; nothing was done
    3  no such experiment, or no such file of it
    4  Temporal or the object store can't be reached or refuses the credentials
    5  the experiment that was watched has ended without a result
  130  interrupted with Ctrl-C; an experiment that was submitted goes on`

// The kinds of failure that have an exit code of their own, beside those of packages experiment and storage.
type (
	// usageError is about what stands on the command line.
	usageError struct{ error }
	// notFoundError is about an experiment that nobody knows.
	notFoundError struct{ error }
	// unreachableError is about Temporal or the object store as a whole.
	unreachableError struct{ error }
	// failedError is about an experiment that has ended without a result.
	failedError struct{ error }
)

func (e usageError) Unwrap() error       { return e.error }
func (e notFoundError) Unwrap() error    { return e.error }
func (e unreachableError) Unwrap() error { return e.error }
func (e failedError) Unwrap() error      { return e.error }

// exitCode is the process's exit code after this error.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(failedError)):
		return exitFailed
	case errors.As(err, new(usageError)), errors.As(err, new(experiment.Problems)):
		return exitUsage
	case errors.As(err, new(notFoundError)), errors.Is(err, storage.ErrNotFound):
		return exitNotFound
	case errors.As(err, new(unreachableError)), isAway(err), errors.As(err, new(*serviceerror.PermissionDenied)),
		errors.Is(err, storage.ErrUnreachable), storage.Mendable(err):
		return exitUnreachable
	}
	return exitFailure
}

// markUsage makes each error that comes up before a command has begun one about the command line, as cobra's are: unknown
// commands, flags and arguments have no type of their own.
func markUsage(root *cobra.Command) (execute func(context.Context) error) {
	began := false
	beginning := func(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			began = true
			return run(c, args)
		}
	}
	prepare := root.PersistentPreRunE
	root.PersistentPreRunE = func(c *cobra.Command, args []string) error {
		err := prepare(c, args)
		began = err != nil
		return err
	}
	walk(root, func(c *cobra.Command) {
		if c.RunE != nil {
			c.RunE = beginning(c.RunE)
		}
	})
	return func(ctx context.Context) error {
		c, err := root.ExecuteContextC(ctx)
		if err != nil && !began {
			return usageError{fmt.Errorf("%w: see `%s --help`", err, c.CommandPath())}
		}
		return err
	}
}

// walk calls see with c and every command below it.
func walk(c *cobra.Command, see func(*cobra.Command)) {
	see(c)
	for _, below := range c.Commands() {
		walk(below, see)
	}
}
