// Command starter is how people talk to Twinview: it submits experiments, shows how they are doing, and fetches what
// they produced. It runs anywhere: it needs neither cgo nor a library, only Temporal and the object store in reach, and
// computes nothing but what a finished model says of a few images.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal has arrived, the second one finds the default again and ends the process at once.
	context.AfterFunc(ctx, stop)
	err := markUsage(newCommand())(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "starter:", err)
	os.Exit(exitCode(err))
}
