package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// worker is a worker's process.
type worker struct {
	*process
	// name is its source in the timeline.
	name string
	// temporal and store are its own cables.
	temporal, store *link
}

// startWorker starts one with an empty cache, whose log goes to dir and, line by line, to the timeline.
func (s *stack) startWorker(dir string) (*worker, error) {
	s.started++
	name := fmt.Sprintf("worker %d", s.started)
	log, err := os.Create(filepath.Join(dir, fmt.Sprintf("worker-%d.log", s.started)))
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	cache, err := os.MkdirTemp(dir, "cache-")
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	temporal, err := newLink("temporal", s.temporalGate.address())
	if err != nil {
		return nil, err
	}
	store, err := newLink("store", s.storeGate.address())
	if err != nil {
		return nil, err
	}
	// One thread: threads that wait for each other beside other programs take many times longer.
	c := exec.Command(filepath.Join(s.programs, "worker"), "--threads", "1", "--cache", cache)
	c.Dir, c.Env = dir, s.environment(temporal.address(), store.address())
	lines, w := io.Pipe()
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer log.Close()
		scanner := bufio.NewScanner(io.TeeReader(lines, log))
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			if e, ok := parseLine(name, scanner.Text()); ok {
				s.timeline.add(e)
			}
		}
		_, _ = io.Copy(log, lines) // what follows a line that is too long
	}()
	p, err := launch(c, w)
	if err != nil {
		w.Close()
		return nil, err
	}
	go func() {
		<-p.ended
		ended := time.Now()
		w.Close()
		temporal.cut()
		store.cut()
		<-read
		s.timeline.add(event{At: ended, Source: name, What: eventEnded})
	}()
	return &worker{p, name, temporal, store}, nil
}
