package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"twinview/bench/gpu/result"
)

// testsOf is a step made of the tests of one binary. They run in one process, which makes a context and loads the kernels once. Where
// that fails, those that have not passed run again, each in a process of its own: a kernel that touches what isn't its own ends the
// context, and with it all that would come after.
func testsOf(binary, pattern string) func(context.Context, *folder, settings, *result.Step) error {
	return func(ctx context.Context, f *folder, _ settings, into *result.Step) error {
		names, err := f.tests(ctx, into.Name, binary, pattern)
		if err != nil {
			return err
		}
		_, said, together := f.execute(ctx, into.Name, f.command(binary, "-test.v", "-test.timeout", "20m", "-test.run", pattern))
		for _, name := range names {
			test := outcome(name, said)
			if again := test.Status == result.Failed || test.Status == result.NotReached; again && ctx.Err() == nil {
				alone := f.test(ctx, into.Name, binary, name)
				if test.Status == result.Failed && alone.Status == result.Passed {
					alone.Reason = "failed among the others, passed alone"
				}
				test = alone
			}
			into.Tests = append(into.Tests, test)
		}
		if failed := count(into.Tests, result.Failed); failed > 0 {
			return fmt.Errorf("%d of %d tests failed", failed, len(names))
		}
		if together != nil && ctx.Err() == nil {
			return failure(fmt.Errorf("in one process the tests failed, though none does alone: %w", together), said)
		}
		return ctx.Err()
	}
}

// tests lists those of a binary whose names have the pattern.
func (f *folder) tests(ctx context.Context, step, binary, pattern string) (names []string, err error) {
	stdout, all, err := f.execute(ctx, step+"-list", f.command(binary, "-test.list", pattern+".*")) // an empty one lists nothing
	if err != nil {
		return nil, failure(fmt.Errorf("list the tests: %w", err), all)
	}
	for _, name := range strings.Fields(string(stdout)) {
		if strings.HasPrefix(name, "Test") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no tests", binary)
	}
	return names, nil
}

// test runs one test alone.
func (f *folder) test(ctx context.Context, step, binary, name string) result.Step {
	start := time.Now()
	command := f.command(binary, "-test.v", "-test.timeout", "15m", "-test.run", "^"+name+"$")
	_, all, err := f.execute(ctx, step+"-"+name, command)
	t := outcome(name, all)
	t.Seconds = time.Since(start).Seconds()
	switch {
	case err != nil:
		t.Status, t.Reason = result.Failed, fmt.Sprintf("%v: %s", err, complaint(all))
	case t.Status != result.Skipped:
		t.Status = result.Passed
	}
	return t
}

// outcome is what -test.v says of one test, at the beginning of a line.
func outcome(name string, said []byte) result.Step {
	t := result.Step{Name: name, Status: result.NotReached}
	end := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): ` + regexp.QuoteMeta(name) + ` \((\d+\.\d+)s\)$`)
	at := end.FindSubmatchIndex(said)
	if at == nil {
		return t
	}
	t.Status = map[string]result.Status{
		"PASS": result.Passed, "FAIL": result.Failed, "SKIP": result.Skipped,
	}[string(said[at[2]:at[3]])]
	t.Seconds, _ = strconv.ParseFloat(string(said[at[4]:at[5]]), 64) // as the expression has it
	began := max(0, bytes.LastIndex(said[:at[0]], []byte("=== RUN   "+name+"\n")))
	switch t.Status {
	case result.Skipped:
		t.Reason = skipReason(said[began:at[0]])
	case result.Failed:
		t.Reason = complaint(said[began:at[0]])
	}
	return t
}

func count(tests []result.Step, status result.Status) (n int) {
	for _, t := range tests {
		if t.Status == status {
			n++
		}
	}
	return n
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
