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
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-signals
		stop()
		fmt.Fprintf(os.Stderr, "worker: %s, the second signal: ending at once; another worker goes on from the last checkpoint\n",
			<-signals)
		os.Exit(1)
	}()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}
