// Command bench measures how fast Twinview trains on this machine, and how that compares with what the same machine
// could do: with oneDNN's convolutions alone, and with PyTorch. JSON lines go to standard output, tables for people to
// standard error.
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
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
