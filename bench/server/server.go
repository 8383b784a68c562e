// Package server runs programs that take a training step, or several, for each line of their standard input, so that they can be
// timed in turns.
package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Server is a process that works whenever it is asked to, and sleeps in between.
type Server struct {
	Name string
	// Parameters counts the trained numbers of its network, Version says what it runs on.
	Parameters int
	Version    string

	command  *exec.Cmd
	requests io.WriteCloser
	answers  *json.Decoder
	log      log
}

// Answer is one line of a server: how long the work took. The first one, before any request, tells that the server has warmed up,
// and what its network is.
type Answer struct {
	Seconds float64 `json:"seconds"`
	// Parameters counts the trained numbers.
	Parameters int    `json:"parameters,omitempty"`
	Version    string `json:"version,omitempty"`
}

// Start returns once the process has warmed up. Where the command's context can end, so does the process.
func Start(name string, c *exec.Cmd) (*Server, error) {
	s := &Server{Name: name, command: c}
	c.Stderr = &s.log
	if c.WaitDelay == 0 { // children that outlive it may hold its outputs
		c.WaitDelay = 10 * time.Second
	}
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
		s.Close()
		return nil, err
	}
	s.Parameters, s.Version = first.Parameters, first.Version
	return s, nil
}

// Ask sends a line and waits for the answer.
func (s *Server) Ask(request string) (seconds float64, err error) {
	if _, err := io.WriteString(s.requests, request+"\n"); err != nil {
		return 0, fmt.Errorf("ask %s for a step: %w\n%s", s.Name, err, s.LastWords())
	}
	a, err := s.answer()
	return a.Seconds, err
}

func (s *Server) answer() (a Answer, err error) {
	if err := s.answers.Decode(&a); err != nil {
		s.kill()
		s.command.Wait() // the log is whole after this
		return a, fmt.Errorf("%s ended: %w\n%s", s.Name, err, s.LastWords())
	}
	return a, nil
}

// kill ends the process as its command says, which may be to end its children too.
func (s *Server) kill() {
	if s.command.Cancel != nil {
		s.command.Cancel()
	}
	s.command.Process.Kill()
}

// Close ends the process, which takes the end of its input for that. It may be called more than once.
func (s *Server) Close() error {
	s.requests.Close()
	err := s.command.Wait()
	if state := s.command.ProcessState; state != nil && state.Success() {
		return nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %w\n%s", s.Name, err, s.LastWords())
	}
	return nil
}
