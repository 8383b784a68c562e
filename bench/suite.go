package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// measure runs everything that this machine can.
func measure(ctx context.Context, s sizes, log io.Writer) (records []record, err error) {
	precisions := nativePrecisions(s)
	probes, err := makeProbes(s, precisions, log)
	defer func() {
		for _, p := range probes {
			err = errors.Join(err, p.close())
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := alternate(ctx, probes, s.Repetitions, log); err != nil {
		return nil, err
	}
	for _, p := range probes {
		more, err := p.records()
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	memory, err := measureMemory(ctx, s, precisions, log)
	return append(withRatios(records, precisions), memory...), err
}

// makeProbes also returns, with an error, those that it made.
func makeProbes(s sizes, precisions []precision, log io.Writer) (probes []probe, err error) {
	add := func(make func() (probe, error)) {
		if err != nil {
			return
		}
		var p probe
		if p, err = make(); err == nil {
			probes = append(probes, p)
		}
	}
	for _, p := range precisions {
		fmt.Fprintf(log, "warming up in %s ...\n", p.name)
		add(func() (probe, error) { return newStepProbe(s, p) })
		add(func() (probe, error) { return newBoundProbe(s, p) })
		add(func() (probe, error) { return newEpochProbe(s, p) })
		add(func() (probe, error) { return newInferenceProbe(s, p) })
	}
	add(func() (probe, error) { return newAugmentProbe(s) })
	return probes, err
}

func withRatios(records []record, precisions []precision) []record {
	for _, p := range precisions {
		if r, ok := ratio("train_to_bound", "train", "conv_bound", p.name, records); ok {
			records = append(records, r)
		}
	}
	return records
}

func measureMemory(ctx context.Context, s sizes, precisions []precision, log io.Writer) (records []record, err error) {
	if runtime.GOOS != "linux" {
		return nil, nil // see hardware.PeakMemory
	}
	for _, p := range precisions {
		fmt.Fprintf(log, "memory of a step in %s ...\n", p.name)
		r, err := peakMemory(ctx, s, p)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// conditions are what the figures depend on.
func conditions() string {
	policy := os.Getenv("OMP_WAIT_POLICY")
	if policy == "" {
		policy = "OpenMP's default"
	}
	return fmt.Sprintf("%s, %d threads, oneDNN %s, wait policy: %s",
		processor(), runtime.GOMAXPROCS(0), oneDNNVersion(), policy)
}
