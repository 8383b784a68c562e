// Package peer runs PyTorch's side of a comparison of trainings: it tries the ways to run it, and keeps the fastest for the rounds
// that count.
package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"twinview/bench/gpu/result"
	"twinview/bench/server"
)

// Settings say how PyTorch is run.
type Settings struct {
	// Python has torch; Script is peer_gpu.py.
	Python, Script string
	// Device is where PyTorch trains, for example "cuda".
	Device string
	// Only are the modes to try, all of the script's if there are none. Keep is how many stay for the rounds.
	Only []string
	Keep int
	// Limit is how long a mode may take to start, and how long for the steps that it is asked for.
	Limit time.Duration
}

// Modes are those of the script, or those of them that were asked for.
func (s Settings) Modes(ctx context.Context) (names []string, err error) {
	out, err := exec.CommandContext(ctx, s.Python, s.Script, "modes").Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("list the modes of %s: %w", s.Script, err)
	}
	if err := json.Unmarshal(out, &names); err != nil {
		return nil, fmt.Errorf("read the modes of %s: %w", s.Script, err)
	}
	for _, name := range s.Only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("--mode %q: there is no such mode of PyTorch, but %q", name, names)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return len(s.Only) > 0 && !slices.Contains(s.Only, name)
	}), nil
}

// contestant is one mode of PyTorch, and how long it took.
type contestant struct {
	*server.Server
	took  result.Samples
	limit time.Duration
	// ended tells why it takes no part any more.
	ended error

	running context.Context
	end     context.CancelCauseFunc
}

func (s Settings) start(ctx context.Context, mode, sizes string) (*contestant, error) {
	c := &contestant{limit: s.Limit}
	c.running, c.end = context.WithCancelCause(ctx)
	command := exec.CommandContext(c.running, s.Python, s.Script, "serve", mode, sizes)
	// Its compilers are processes too. They go with it, and with them what would keep its outputs open.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	err := c.within(func() (err error) {
		c.Server, err = server.Start(mode, command)
		return err
	})
	if err != nil {
		c.end(nil)
		return nil, err
	}
	return c, nil
}

// within ends the process if it takes longer than its limit for something.
func (c *contestant) within(do func() error) error {
	late := time.AfterFunc(c.limit, func() {
		c.end(fmt.Errorf("it was ended, as it took longer than %v", c.limit))
	})
	defer late.Stop()
	err := do()
	if err != nil && c.running.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(c.running), err)
	}
	return err
}

func (c *contestant) ask(steps int) error {
	return c.within(func() error {
		seconds, err := c.Ask(fmt.Sprint(steps))
		if err == nil {
			c.took = append(c.took, seconds)
		}
		return err
	})
}

// close ends the process, which has some time for it.
func (c *contestant) close() error {
	const enough = 20 * time.Second
	late := time.AfterFunc(enough, func() { c.end(nil) })
	defer late.Stop()
	defer c.end(nil)
	return c.Close()
}

// note is what belongs beside its speed.
func (c *contestant) note() string {
	note := c.Version
	if c.ended != nil {
		note += fmt.Sprintf("; ended after %d rounds: %v", len(c.took), c.ended)
	}
	if warnings := c.Warnings(); len(warnings) > 0 {
		note += fmt.Sprintf("; %d warnings, the first: %s", len(warnings), warnings[0])
	}
	return note
}

// said is what the step's log keeps of what it said: a mode that is slower than it could be tells why there.
func (c *contestant) said() string {
	lines := append(c.Warnings(), "its last words:", c.LastWords())
	return "  " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ")
}
