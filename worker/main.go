// Command worker carries out experiments: it polls Temporal for the workflows and activities of Twinview, trains on
// this machine's processor, and keeps artifacts in the object store.
//
// Start as many as there are machines. Each trains one epoch at a time; preparing data and writing reports run beside
// it. Stop one whenever you like: what it was doing goes on elsewhere, or here when it is back.
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
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}
