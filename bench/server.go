package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"

	"twinview/bench/server"
)

// steps is a process that takes a training step whenever it is asked to, ours (serve.go) or PyTorch (peer.py).
type steps struct {
	*server.Server
	// took is of forward and backward, updates of whole steps.
	took, updates samples
}

func startOwn(ctx context.Context, s sizes, p precision) (*steps, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c := exec.CommandContext(ctx, self, "serve-steps", "--precision", p.name, "--views", strconv.Itoa(s.Views),
		"--width", strconv.Itoa(s.Width), "--size", strconv.Itoa(s.Size), "--winograd", strconv.Itoa(s.Tile))
	return startServer("Twinview", c)
}

// peerMode is one of peer.py's.
type peerMode struct {
	Name      string `json:"name"`
	Precision string `json:"precision"`
}

func startPeer(ctx context.Context, o peerOptions, mode peerMode) (*steps, error) {
	spec := o.spec(o.Views / 2)
	sizes, err := json.Marshal(map[string]int{
		"views": o.Views, "width": o.Width, "size": o.Size,
		"hidden": spec.Method.Projector.Hidden, "outputs": spec.Method.Projector.Output,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the sizes: %w", err)
	}
	return startServer(mode.Name, python(ctx, o, "serve", mode.Name, string(sizes)))
}

// python runs peer.py with what makes PyTorch fast on a CPU: as many threads as we have, and an allocator that keeps large
// tensors' memory, in large pages, rather than asking the system for it again at every step. glibc's can be told to;
// the usual advice, to load another allocator, gains the same.
func python(ctx context.Context, o peerOptions, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, o.python, append([]string{o.script}, arguments...)...)
	c.Env = append(os.Environ(),
		"OMP_NUM_THREADS="+strconv.Itoa(runtime.GOMAXPROCS(0)),
		"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_="+strconv.Itoa(1<<40), "GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
	)
	return c
}

// peerModes are those of peer.py, or those of them that were asked for.
func peerModes(ctx context.Context, o peerOptions) (modes []peerMode, err error) {
	out, err := python(ctx, o, "modes").Output()
	if err != nil {
		return nil, fmt.Errorf("list the modes of %s: %w", o.script, err)
	}
	for line := range bytes.Lines(out) {
		var m peerMode
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("read mode %q: %w", line, err)
		}
		if len(o.only) == 0 || slices.Contains(o.only, m.Name) {
			modes = append(modes, m)
		}
	}
	return modes, nil
}

// startServer returns once the process has warmed up.
func startServer(name string, c *exec.Cmd) (*steps, error) {
	s, err := server.Start(name, c)
	if err != nil {
		return nil, err
	}
	return &steps{Server: s}, nil
}

// step asks for forward and backward and keeps the time.
func (s *steps) step() error {
	seconds, err := s.Ask(stepRequest)
	s.took.add(seconds)
	return err
}

// update asks for a step with the optimiser and keeps the time.
func (s *steps) update() error {
	seconds, err := s.Ask(updateRequest)
	s.updates.add(seconds)
	return err
}
