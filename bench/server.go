package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
)

// server is a process that takes a training step whenever it is asked to, ours (serve.go) or PyTorch (peer.py). It sleeps
// in between.
type server struct {
	name       string
	parameters int
	version    string
	// took is of forward and backward, updates of whole steps.
	took, updates samples

	command  *exec.Cmd
	requests io.WriteCloser
	answers  *json.Decoder
	log      bytes.Buffer
}

func startOwn(ctx context.Context, s sizes, p precision) (*server, error) {
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

func startPeer(ctx context.Context, o peerOptions, mode peerMode) (*server, error) {
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
func startServer(name string, c *exec.Cmd) (*server, error) {
	s := &server{name: name, command: c}
	c.Stderr = &s.log
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", name, err)
	}
	if s.requests, err = c.StdinPipe(); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", name, err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.answers = json.NewDecoder(out)
	first, err := s.answer()
	if err != nil {
		s.close()
		return nil, err
	}
	s.parameters, s.version = first.Parameters, first.Version
	return s, nil
}

// step asks for forward and backward and keeps the time.
func (s *server) step() error {
	seconds, err := s.ask(stepRequest)
	s.took.add(seconds)
	return err
}

// update asks for a step with the optimiser and keeps the time.
func (s *server) update() error {
	seconds, err := s.ask(updateRequest)
	s.updates.add(seconds)
	return err
}

func (s *server) ask(request string) (seconds float64, err error) {
	if _, err := io.WriteString(s.requests, request+"\n"); err != nil {
		return 0, fmt.Errorf("ask %s for a step: %w\n%s", s.name, err, s.lastWords())
	}
	a, err := s.answer()
	return a.Seconds, err
}

func (s *server) answer() (a answer, err error) {
	if err := s.answers.Decode(&a); err != nil {
		s.command.Process.Kill()
		s.command.Wait() // the log is whole after this
		return a, fmt.Errorf("%s ended: %w\n%s", s.name, err, s.lastWords())
	}
	return a, nil
}

// lastWords is the end of the log, which says why.
func (s *server) lastWords() []byte {
	const enough = 2000
	log := bytes.TrimSpace(s.log.Bytes())
	return log[max(0, len(log)-enough):]
}

// close ends the process, which takes the end of its input for that. It may be called more than once.
func (s *server) close() error {
	s.requests.Close()
	err := s.command.Wait()
	if state := s.command.ProcessState; state != nil && state.Success() {
		return nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %w\n%s", s.name, err, s.lastWords())
	}
	return nil
}
