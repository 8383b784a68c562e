// Command chaos runs a small experiment over and over on real servers while a seeded script does harm: programs are killed,
// connections cut, answers lost, bytes altered. Every round must end in the bits of a run that nobody disturbed, with no
// object lost and none left behind.
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
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}
