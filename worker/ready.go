package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyTimeout is how long a worker may take to say whether it is ready.
const readyTimeout = 5 * time.Second

func newReadyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ready [HOST:PORT]",
		Short: "Ask a running worker whether it polls for work, for health checks of containers without other tools",
		Long: `ready asks the worker at an address that its --metrics-address names, by default 127.0.0.1:9464, whether it polls for
work. The exit code is 0 where it does.`,
		Example: `  worker ready
  worker ready 127.0.0.1:9465`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			address := "127.0.0.1:9464"
			if len(args) == 1 {
				address = args[0]
			}
			return askReady(c.Context(), address)
		},
	}
}

func askReady(ctx context.Context, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("ask a worker: %w: want host:port", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask a worker: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no worker answers: start one with --metrics-address %s: %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	why, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("ask the worker at %s: %w", address, err)
	}
	return fmt.Errorf("%s answers %s: %s", address, answer.Status, strings.TrimSpace(string(why)))
}
