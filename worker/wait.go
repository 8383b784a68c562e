package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"twinview/frontend"
	"twinview/storage"
)

// pause lies between two tries to reach a server; attemptTimeout bounds each.
const (
	pause          = 2 * time.Second
	attemptTimeout = 10 * time.Second
)

// waitFor repeats try until it succeeds, and says why it waits. It gives up where retryable denies that waiting helps, and
// when ctx ends.
func waitFor(
	ctx context.Context, log *slog.Logger, what string, retryable func(error) bool, try func(context.Context) error,
) error {
	for {
		once, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := try(once)
		cancel()
		if err == nil {
			log.Info("reached " + what)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !retryable(err) {
			return fmt.Errorf("reach %s: %w", what, err)
		}
		log.Warn("waiting for "+what, "error", err, "again_in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// connectTemporal waits for Temporal and for the namespace to exist.
func connectTemporal(ctx context.Context, log *slog.Logger, o client.Options) (client.Client, error) {
	var c client.Client
	always := func(error) bool { return true }
	err := waitFor(ctx, log, "Temporal at "+o.HostPort, always, func(ctx context.Context) error {
		dialled, err := frontend.Dial(ctx, o)
		if err != nil {
			return err
		}
		r := &workflowservice.DescribeNamespaceRequest{Namespace: o.Namespace}
		if _, err := dialled.WorkflowService().DescribeNamespace(ctx, r); err != nil {
			dialled.Close()
			return fmt.Errorf("namespace %q: %w", o.Namespace, frontend.Explain(o, err))
		}
		c = dialled
		return nil
	})
	return c, err
}

// openStore waits for the object store and creates the bucket where it is missing. Wrong credentials end the wait.
func openStore(ctx context.Context, log *slog.Logger, c storage.Config) (*storage.Store, error) {
	var s *storage.Store
	err := waitFor(ctx, log, "object store at "+c.Endpoint, storage.Retryable, func(ctx context.Context) error {
		opened, err := storage.Open(ctx, c)
		if err != nil {
			return err
		}
		if err := opened.EnsureBucket(ctx); err != nil {
			return err
		}
		s = opened
		return nil
	})
	return s, err
}
