package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"twinview/activities"
	"twinview/experiment"
	"twinview/hardware"
	"twinview/storage"
	"twinview/telemetry"
	"twinview/workflows"
)

// heartbeatThrottle lets progress, checkpoints and cancellation through every few seconds, where the default holds a
// heartbeat back for most of its timeout.
const heartbeatThrottle = activities.HeartbeatInterval

// run polls until ctx ends, which is the graceful end, or until a worker fails for good.
func run(ctx context.Context, log *slog.Logger, o options, temporal client.Options, store storage.Config) error {
	temporal.Identity = identity()
	log = log.With("worker", temporal.Identity)
	temporal.Logger = sdklog.NewStructuredLogger(log)
	metrics := telemetry.NewMetrics()
	metrics.DeviceMemory(o.device.String(), o.device.memory)
	metrics.PeakMemory(hardware.PeakMemory)
	metrics.Program(versions(o.device))
	served, err := o.serve(log, metrics)
	if err != nil {
		return err
	}
	defer served()
	if temporal.MetricsHandler, err = metrics.Temporal(); err != nil {
		return err
	}
	traces, err := telemetry.OpenTraces(ctx, log, temporal.Identity)
	if err != nil {
		return err
	}
	defer closeTraces(log, traces)
	if temporal.Interceptors, err = traces.Interceptors(); err != nil {
		return err
	}
	log.Info("starting", "device", o.device.String(), "engine", o.device.description(),
		"threads", o.limit(0), "cache", o.cache)

	c, err := connectTemporal(ctx, log, temporal)
	if err != nil {
		return graceful(err)
	}
	defer c.Close()
	s, err := openStore(ctx, log, store)
	if err != nil {
		return graceful(err)
	}
	s.Observe(metrics.Store)
	a := &activities.Activities{
		Store:        s,
		Compile:      o.compiler,
		CacheDir:     o.cache,
		Identity:     temporal.Identity,
		Queue:        experiment.QueueTrainOf(temporal.Identity),
		Grace:        o.grace,
		Ahead:        activities.DefaultAhead,
		ArtifactsURL: o.artifactsURL.String(),
		Metrics:      metrics,
		Hardware:     o.device.hardware(o.limit(0)),
		Energy:       o.device.energy(log),
		Versions:     versions(o.device),
	}
	return poll(ctx, log, c, a)
}

// tracesTimeout is how long a worker that has stopped tries to send its last traces.
const tracesTimeout = 5 * time.Second

func closeTraces(log *slog.Logger, traces *telemetry.Traces) {
	ctx, cancel := context.WithTimeout(context.Background(), tracesTimeout)
	defer cancel()
	if err := traces.Close(ctx); err != nil {
		log.Warn("some traces are lost", "error", err)
	}
}

// serve answers those who watch the worker, where an address for that is given, until the function that it returns is called.
func (o options) serve(log *slog.Logger, metrics *telemetry.Metrics) (end func(), err error) {
	if o.metrics == "" {
		return func() {}, nil
	}
	s, err := metrics.Serve(log, o.metrics)
	if err != nil {
		return nil, err
	}
	log.Info("serving metrics and health", "address", s.Address())
	return func() { s.Close() }, nil
}

// poll runs one worker for each task queue side by side.
func poll(ctx context.Context, log *slog.Logger, c client.Client, a *activities.Activities) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	general := worker.New(c, experiment.QueueGeneral, worker.Options{
		WorkerStopTimeout:                a.Grace,
		MaxHeartbeatThrottleInterval:     heartbeatThrottle,
		DefaultHeartbeatThrottleInterval: heartbeatThrottle,
		OnFatalError:                     func(err error) { fail(fmt.Errorf("queue %s: %w", experiment.QueueGeneral, err)) },
	})
	workflows.Register(general)
	a.RegisterGeneral(general)
	workers := []worker.Worker{general}
	for _, queue := range []string{experiment.QueueTrain, a.Queue} {
		// One epoch has the whole machine, whichever queue it came from.
		tuner, err := newTuner(a.AwaitIdle)
		if err != nil {
			return fmt.Errorf("queue %s: %w", queue, err)
		}
		train := worker.New(c, queue, worker.Options{
			Tuner:                            tuner,
			WorkerStopTimeout:                a.Grace,
			MaxHeartbeatThrottleInterval:     heartbeatThrottle,
			DefaultHeartbeatThrottleInterval: heartbeatThrottle,
			OnFatalError:                     func(err error) { fail(fmt.Errorf("queue %s: %w", queue, err)) },
		})
		a.RegisterTrain(train)
		workers = append(workers, train)
	}
	go func() { // a process that has lost its device can do nothing that another could not
		select {
		case err := <-lostGPU():
			fail(err)
		case <-ctx.Done():
		}
	}()
	for i, w := range workers {
		if err := w.Start(); err != nil {
			stopAll(workers[:i])
			return fmt.Errorf("start polling: %w", err)
		}
	}
	a.Metrics.Ready(true)
	log.Info("ready", "queues", []string{experiment.QueueGeneral, experiment.QueueTrain, a.Queue})
	<-ctx.Done()
	a.Metrics.Ready(false)
	log.Info("stopping; a second signal ends the process at once", "within", a.Grace)
	stopAll(workers)
	log.Info("stopped")
	return graceful(context.Cause(ctx))
}

// stopAll stops the workers side by side, so that their timeouts don't add up.
func stopAll(workers []worker.Worker) {
	var done sync.WaitGroup
	for _, w := range workers {
		done.Go(w.Stop)
	}
	done.Wait()
}

// graceful turns the end that a signal asked for into success.
func graceful(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// versions are those of what computes here.
func versions(d device) map[string]string {
	v := map[string]string{"go": runtime.Version(), "engine": d.description()}
	if build, ok := debug.ReadBuildInfo(); ok {
		v["twinview"] = build.Main.Version
	}
	return v
}

// identity names this process in Temporal and in results.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%d@%s", os.Getpid(), host)
}
