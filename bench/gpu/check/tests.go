package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"twinview/bench/gpu/result"
)

// testsOf is a step made of the tests of one binary, each in a process of its own: a kernel that touches what isn't its own ends the
// context, and with it all that would come after.
func testsOf(binary, pattern string) func(context.Context, *folder, settings, *result.Step) error {
	return func(ctx context.Context, f *folder, _ settings, into *result.Step) error {
		stdout, all, err := f.execute(ctx, into.Name, f.command(binary, "-test.list", pattern+".*"))
		if err != nil {
			return failure(fmt.Errorf("list the tests: %w", err), all)
		}
		failed := 0
		for _, name := range strings.Fields(string(stdout)) {
			if !strings.HasPrefix(name, "Test") || !strings.Contains(name, pattern) {
				continue
			}
			test := f.test(ctx, into.Name, binary, name)
			into.Tests = append(into.Tests, test)
			if test.Status == result.Failed {
				failed++
			}
			if ctx.Err() != nil {
				break
			}
		}
		if len(into.Tests) == 0 {
			return fmt.Errorf("%s has no tests", binary)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d tests failed", failed, len(into.Tests))
		}
		return ctx.Err()
	}
}

func (f *folder) test(ctx context.Context, step, binary, name string) result.Step {
	start := time.Now()
	command := f.command(binary, "-test.v", "-test.timeout", "15m", "-test.run", "^"+name+"$")
	_, all, err := f.execute(ctx, step+"-"+name, command)
	t := result.Step{Name: name, Status: result.Passed, Seconds: time.Since(start).Seconds()}
	switch {
	case err != nil:
		t.Status, t.Reason = result.Failed, fmt.Sprintf("%v: %s", err, complaint(all))
	case bytes.Contains(all, []byte("--- SKIP: "+name+" ")):
		t.Status, t.Reason = result.Skipped, skipReason(all)
	}
	return t
}

var (
	complaints = regexp.MustCompile(`(?m)^\s*(Error:|Messages:|panic:|fatal error:|SIGSEGV|\S+ driver).*$(?:\n\s{8,}\t? +\S.*$)?`)
	skips      = regexp.MustCompile(`(?m)^\s+\S+_test\.go:\d+: (.*)$`)
)

// complaint is what a test failed with, or else its last words.
func complaint(said []byte) string {
	const enough = 600
	if found := complaints.Find(said); found != nil {
		return strings.Join(strings.Fields(string(found[:min(enough, len(found))])), " ")
	}
	said = bytes.TrimSpace(said)
	return string(said[max(0, len(said)-enough):])
}

func skipReason(said []byte) string {
	if match := skips.FindSubmatch(said); match != nil {
		return string(match[1])
	}
	return "it says so"
}
