package main

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// process is a program that runs beside this one.
type process struct {
	*exec.Cmd
	ended chan struct{}
	err   error
}

// launch starts a command whose output goes to w. A Ctrl-C in the terminal does not reach it: whoever launches ends it.
func launch(c *exec.Cmd, w io.Writer) (*process, error) {
	c.Stdout, c.Stderr = w, w
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{Cmd: c, ended: make(chan struct{})}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill pulls the plug, and returns when the process is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// signal sends a signal; that the process has ended already is no error.
func (p *process) signal(s syscall.Signal) { _ = p.Process.Signal(s) }
