package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"twinview/bench/gpu/result"
)

// report is results.json.
type report struct {
	Began   time.Time `json:"began"`
	Version string    `json:"version"`
	Quick   bool      `json:"quick,omitempty"`
	// StandIn tells that no GPU ran any of it: a stand-in for the driver did, on the processor.
	StandIn bool          `json:"stand_in,omitempty"`
	Device  string        `json:"device"`
	System  system        `json:"system"`
	Steps   []result.Step `json:"steps"`
}

// step is one part of the check.
type step struct {
	name string
	// minutes are those after which it is ended.
	minutes int
	run     func(ctx context.Context, f *folder, s settings, into *result.Step) error
}

// steps are in their order. The first finds the device, without which there is nothing to try.
var steps = []step{
	{"device", 2, findDevice},
	{"kernels", 60, testsOf("kernels.test", "")},
	{"engine", 60, testsOf("cuda.test", "")},
	{"train", 30, testsOf("train.test", "GPU")},
	{"network", 30, measuring("network")},
	{"memcheck", 60, sanitizer("memcheck")},
	{"racecheck", 60, sanitizer("racecheck")},
	{"roofline", 30, measuring("roofline")},
	{"training", 90, training},
	{"accuracy", 240, accuracy},
}

func names() string {
	var all []string
	for _, s := range steps[1:] {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

// skip is the error of a step that this machine can't run.
type skip string

func (s skip) Error() string { return string(s) }

// check runs the steps. Its error says how many failed.
func check(ctx context.Context, s settings, out, log io.Writer) error {
	for _, name := range s.only {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
			return fmt.Errorf("--only %s: there is no such step, but %s", name, names())
		}
	}
	f, err := openFolder(s.folder, s, log)
	if err != nil {
		return err
	}
	r := &report{Began: time.Now(), Version: f.version(), Quick: s.quick, System: describeSystem(ctx)}
	if s.out == "" {
		s.out = filepath.Join(f.path, "results.json")
	}
	chosen := s.steps()
	for _, step := range chosen {
		r.Steps = append(r.Steps, result.Step{Name: step.name, Status: result.NotReached})
	}
	for i, step := range chosen {
		// Before each and after it, so that a check that is killed, or a machine that goes away, leaves something.
		r.Steps[i].Status = result.Running
		if err := r.write(s.out); err != nil {
			return err
		}
		done := f.attempt(ctx, step, s)
		r.Steps[i] = done
		if i == 0 {
			r.Device = "no GPU"
			if done.Status == result.Passed {
				r.Device = find(done.Figures, "device").Note
				r.StandIn = strings.Contains(r.Device, "stand-in")
			}
		}
		if err := r.write(s.out); err != nil {
			return err
		}
		if i == 0 && done.Status != result.Passed || ctx.Err() != nil {
			break
		}
	}
	r.print(out)
	fmt.Fprintf(out, "\nAll figures are in %s, what the programs said in %s.\n", s.out, filepath.Join(f.path, "logs"))
	failed := 0
	for _, step := range r.Steps {
		if step.Status == result.Failed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d steps failed", failed, len(r.Steps))
	}
	return ctx.Err()
}

// steps are those that were asked for. The first one always is.
func (s settings) steps() []step {
	if len(s.only) == 0 {
		return steps
	}
	chosen := slices.Clone(steps[:1])
	for _, step := range steps[1:] {
		if slices.Contains(s.only, step.name) {
			chosen = append(chosen, step)
		}
	}
	return chosen
}

// attempt runs one step to whatever end it comes.
func (f *folder) attempt(ctx context.Context, s step, with settings) result.Step {
	fmt.Fprintf(f.log, "%s ...\n", s.name)
	done := result.Step{Name: s.name, Status: result.Passed}
	limited, cancel := context.WithTimeout(ctx, time.Duration(s.minutes)*time.Minute)
	defer cancel()
	watched := watchClocks(limited, f.nvidia())
	start := time.Now()
	err := s.run(limited, f, with, &done)
	done.Seconds = time.Since(start).Seconds()
	done.Clocks = watched()
	switch reason, skipped := err.(skip); {
	case skipped:
		done.Status, done.Reason = result.Skipped, string(reason)
	case err != nil && ctx.Err() != nil:
		done.Status, done.Reason = result.Interrupted, err.Error()
	case err != nil && limited.Err() != nil:
		done.Status, done.Reason = result.Failed, fmt.Sprintf("it was not done after %d minutes: %v", s.minutes, err)
	case err != nil:
		done.Status, done.Reason = result.Failed, err.Error()
	}
	fmt.Fprintf(f.log, "%s: %s in %.0f s\n", s.name, done.Status, done.Seconds)
	if done.Reason != "" {
		fmt.Fprintf(f.log, "  %s\n", strings.ReplaceAll(done.Reason, "\n", "\n  "))
	}
	return done
}

// write puts the results into the place of those before, all at once.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("put the results in their place: %w", err)
	}
	return nil
}

func find(figures []result.Figure, name string) result.Figure {
	for _, f := range figures {
		if f.Name == name {
			return f
		}
	}
	return result.Figure{}
}
