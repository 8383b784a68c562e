// Package server runs programs that take a training step, or several, for each line of their standard input, so that they can be
// timed in turns.
package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
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
	log      bytes.Buffer
}

// Answer is one line of a server: how long the work took. The first one, before any request, tells that the server has warmed up,
// and what its network is.
type Answer struct {
	Seconds float64 `json:"seconds"`
	// Parameters counts the trained numbers.
	Parameters int    `json:"parameters,omitempty"`
	Version    string `json:"version,omitempty"`
}

// Start returns once the process has warmed up.
func Start(name string, c *exec.Cmd) (*Server, error) {
	s := &Server{Name: name, command: c}
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
		s.Close()
		return nil, err
	}
	s.Parameters, s.Version = first.Parameters, first.Version
	return s, nil
}

// Ask sends a line and waits for the answer.
func (s *Server) Ask(request string) (seconds float64, err error) {
	if _, err := io.WriteString(s.requests, request+"\n"); err != nil {
		return 0, fmt.Errorf("ask %s for a step: %w\n%s", s.Name, err, s.lastWords())
	}
	a, err := s.answer()
	return a.Seconds, err
}

func (s *Server) answer() (a Answer, err error) {
	if err := s.answers.Decode(&a); err != nil {
		s.command.Process.Kill()
		s.command.Wait() // the log is whole after this
		return a, fmt.Errorf("%s ended: %w\n%s", s.Name, err, s.lastWords())
	}
	return a, nil
}

// lastWords is the end of the log, which says why.
func (s *Server) lastWords() []byte {
	const enough = 2000
	log := bytes.TrimSpace(s.log.Bytes())
	return log[max(0, len(log)-enough):]
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
		return fmt.Errorf("%s: %w\n%s", s.Name, err, s.lastWords())
	}
	return nil
}
