package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// folder is what this program lies in: bin/ with the programs that need the driver, lib/ with the libraries that those want, lib/libc/
// with the C library that they were built with, for machines whose own is older, and what is read: the spec, scripts, images.
type folder struct {
	path    string
	bundled bool
	device  int
	log     io.Writer
}

func openFolder(path string, s settings, log io.Writer) (*folder, error) {
	f := &folder{path: path, device: s.device, log: log}
	switch s.libc {
	case "auto", "system":
	case "bundled":
		f.bundled = true
	default:
		return nil, fmt.Errorf("--libc %q: it can be system, bundled or auto", s.libc)
	}
	if _, err := os.Stat(filepath.Join(f.path, "bin", "gpu")); err != nil {
		return nil, fmt.Errorf("this program belongs into the folder that make gpu-check makes: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(f.path, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for logs: %w", err)
	}
	return f, nil
}

// version says which state of the sources the folder was made of.
func (f *folder) version() string {
	text, err := os.ReadFile(filepath.Join(f.path, "VERSION"))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// archive is CIFAR-10's, or "" where the folder was made without.
func (f *folder) archive() string {
	path := filepath.Join(f.path, "cifar-10-binary.tar.gz")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// command is a program of bin/ with its arguments. With the bundled C library it goes by that one's loader, which is told where the
// driver's libraries may lie too.
func (f *folder) command(program string, arguments ...string) []string {
	path := filepath.Join(f.path, "bin", program)
	if !f.bundled {
		return append([]string{path}, arguments...)
	}
	libraries := []string{filepath.Join(f.path, "lib", "libc"), filepath.Join(f.path, "lib")}
	libraries = append(libraries, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	libraries = append(libraries, "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64",
		"/lib/x86_64-linux-gnu", "/lib64")
	loader := filepath.Join(f.path, "lib", "libc", "ld-linux-x86-64.so.2")
	return append([]string{loader, "--library-path", strings.Join(libraries, ":"), path}, arguments...)
}

// execute runs a command in the folder, keeps what it says in logs/NAME.log as it says it, and returns its standard output and all of
// it together.
func (f *folder) execute(ctx context.Context, name string, command []string) (stdout, all []byte, err error) {
	log, err := os.Create(filepath.Join(f.path, "logs", name+".log"))
	if err != nil {
		return nil, nil, fmt.Errorf("begin the log: %w", err)
	}
	defer log.Close()
	both := &transcript{log: log}
	_, both.err = fmt.Fprintf(log, "$ %s\n", strings.Join(command, " "))
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = f.path
	c.Env = f.environment()
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	var out bytes.Buffer
	c.Stdout, c.Stderr = io.MultiWriter(&out, both), both
	err = c.Run()
	if both.err != nil {
		err = errors.Join(err, fmt.Errorf("write the log: %w", both.err))
	}
	return out.Bytes(), both.said, err
}

// environment lets programs see the one GPU, as their first, in the order that nvidia-smi has.
func (f *folder) environment() []string {
	all := append(os.Environ(), "OMP_WAIT_POLICY=passive", "CUDA_DEVICE_ORDER=PCI_BUS_ID")
	if os.Getenv("CUDA_CACHE_PATH") == "" { // what the driver makes of the kernels, which takes it long, is for all steps
		all = append(all, "CUDA_CACHE_PATH="+filepath.Join(f.path, "cache"))
	}
	if f.device > 0 {
		all = append(all, "CUDA_VISIBLE_DEVICES="+strconv.Itoa(f.device))
	}
	return all
}

// nvidia is what nvidia-smi calls the GPU.
func (f *folder) nvidia() string {
	if first, _, _ := strings.Cut(os.Getenv("CUDA_VISIBLE_DEVICES"), ","); f.device == 0 && first != "" {
		return first
	}
	return strconv.Itoa(f.device)
}

// transcript takes what a program says on both its outputs, which are read at the same time, into a log.
type transcript struct {
	mu   sync.Mutex
	said []byte
	log  io.Writer
	err  error // the first of the log
}

// Write takes everything: a log that can't be written is no reason to end the program.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, p...)
	if t.err == nil {
		_, t.err = t.log.Write(p)
	}
	return len(p), nil
}

// failure is an error with the last lines of what a program said.
func failure(err error, said []byte) error {
	const enough = 1200
	said = bytes.TrimSpace(said)
	said = said[max(0, len(said)-enough):]
	return errors.Join(err, errors.New(string(said)))
}
