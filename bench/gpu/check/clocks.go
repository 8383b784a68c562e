package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"twinview/bench/gpu/result"
)

// watchClocks asks nvidia-smi every two seconds until the returned function is called, which tells what was seen: nil where there is
// no nvidia-smi.
func watchClocks(ctx context.Context, device string) func() *result.Clocks {
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan [][4]float64, 1)
	go func() {
		var samples [][4]float64
		for {
			if sample, ok := clocks(ctx, device); ok {
				samples = append(samples, sample)
			}
			select {
			case <-ctx.Done():
				seen <- samples
				return
			case <-time.After(2 * time.Second):
			}
		}
	}()
	return func() *result.Clocks {
		cancel()
		return summary(<-seen)
	}
}

func clocks(ctx context.Context, device string) (sample [4]float64, ok bool) {
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--id="+device, "--format=csv,noheader,nounits",
		"--query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu").Output()
	if err != nil {
		return sample, false
	}
	for i, field := range strings.Split(strings.TrimSpace(string(out)), ",") {
		if i < len(sample) {
			sample[i], _ = strconv.ParseFloat(strings.TrimSpace(field), 64) // "[N/A]" counts as 0
		}
	}
	return sample, true
}

func summary(samples [][4]float64) *result.Clocks {
	if len(samples) == 0 {
		return nil
	}
	of := func(i int) (all result.Samples) {
		for _, s := range samples {
			all = append(all, s[i])
		}
		return all
	}
	return &result.Clocks{
		Samples: len(samples), MedianSM: of(0).Median(), MostSM: slices.Max(of(0)), MedianMemory: of(1).Median(),
		MedianWatts: of(2).Median(), MostWatts: slices.Max(of(2)), MostCelsius: slices.Max(of(3)),
	}
}

// system is what the figures depend on beside the device.
type system struct {
	Kernel    string `json:"kernel"`
	Processor string `json:"processor"`
	LibC      string `json:"libc"`
	// NVIDIA is nvidia-smi's word: name, driver, limits of clocks and power.
	NVIDIA string `json:"nvidia_smi"`
}

func describeSystem(ctx context.Context) system {
	say := func(name string, arguments ...string) string {
		out, err := exec.CommandContext(ctx, name, arguments...).Output()
		if err != nil {
			return fmt.Sprintf("unknown: %s: %v", name, err)
		}
		return strings.TrimSpace(string(out))
	}
	return system{
		Kernel:    say("uname", "-sr"),
		Processor: say("sh", "-c", "grep -m 1 '^model name' /proc/cpuinfo | sed 's/.*: //'; nproc"),
		LibC:      say("getconf", "GNU_LIBC_VERSION"),
		NVIDIA: say("nvidia-smi", "--format=csv,noheader",
			"--query-gpu=name,driver_version,pci.bus_id,clocks.max.sm,clocks.max.mem,power.limit,persistence_mode,ecc.mode.current"),
	}
}
