package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// startTimeout is generous: a busy machine takes seconds for what an idle one does in half of one.
const startTimeout = time.Minute

// server is a program that can be killed and comes back at its address with its data.
type server struct {
	name    string
	address string
	command []string
	env     []string
	// ready asks whether it serves.
	ready func(context.Context) error
	// dir takes its log.
	dir string

	process *process
}

// start returns when the server serves.
func (s *server) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, s.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	defer log.Close() // the process has its own
	c := exec.Command(s.command[0], s.command[1:]...)
	c.Dir, c.Env = s.dir, s.env
	if s.process, err = launch(c, log); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.process.ended:
			return fmt.Errorf("start %s at %s: it ended at once, see %s: %w", s.name, s.address, log.Name(), s.process.err)
		case <-ctx.Done():
			s.process.kill()
			return fmt.Errorf("start %s at %s: %w, see %s", s.name, s.address, err, log.Name())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop kills the server, if it runs.
func (s *server) stop() {
	if s.process != nil {
		s.process.kill()
	}
}
