package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"twinview/bench/gpu/result"
)

// findDevice asks which GPU there is. Where the machine's C library is too old, programs go with the bundled one from then on.
func findDevice(ctx context.Context, f *folder, s settings, into *result.Step) error {
	err := measuring("device")(ctx, f, s, into)
	// Where there is no such C library at all, the system can't even start the programs.
	if err != nil && s.libc == "auto" && (strings.Contains(err.Error(), "GLIBC_") || errors.Is(err, fs.ErrNotExist)) {
		f.bundled = true
		fmt.Fprintln(f.log, "this machine's C library is not one that the programs run with: the bundled one is taken")
		err = measuring("device")(ctx, f, s, into)
	}
	if err == nil {
		return nil
	}
	const missing = "error while loading shared libraries: "
	if _, library, ok := strings.Cut(err.Error(), missing); ok {
		library, _, _ = strings.Cut(library, ":")
		if library == "libcuda.so.1" {
			return fmt.Errorf("NVIDIA's driver is missing (libcuda.so.1): install it, or start the container with access to the GPU")
		}
		return fmt.Errorf("the library %s is missing: install the package that has it: %w", library, err)
	}
	return err
}

// measuring is a step that program gpu does.
func measuring(command string, more ...string) func(context.Context, *folder, settings, *result.Step) error {
	return func(ctx context.Context, f *folder, s settings, into *result.Step) error {
		arguments := append([]string{command, "--spec", filepath.Join(f.path, "spec.yaml")}, more...)
		if archive := f.archive(); archive != "" {
			arguments = append(arguments, "--archive", archive)
		}
		if s.quick {
			arguments = append(arguments, "--quick")
		}
		stdout, all, err := f.execute(ctx, command, f.command("gpu", arguments...))
		for line := range bytes.Lines(stdout) { // what was measured before an error counts too
			var figure result.Figure
			if json.Unmarshal(line, &figure) == nil {
				into.Figures = result.Add(into.Figures, figure)
			}
		}
		if err != nil {
			return failure(err, withoutFigures(all))
		}
		return nil
	}
}

// withoutFigures leaves what is for people.
func withoutFigures(said []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(said) {
		if !bytes.HasPrefix(line, []byte(`{"name"`)) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// training trains in turns with PyTorch, where there is one that sees the GPU.
func training(ctx context.Context, f *folder, s settings, into *result.Step) error {
	device, reason := torchDevice(ctx, s)
	if device == "" {
		into.Figures = append(into.Figures, result.Figure{Name: "pytorch", Note: "left out: " + reason})
		return measuring("training")(ctx, f, s, into)
	}
	more := []string{"--python", s.python, "--script", filepath.Join(f.path, "peer_gpu.py"), "--torch-device", device}
	if s.modeTimeout > 0 {
		more = append(more, "--mode-timeout", s.modeTimeout.String())
	}
	for _, mode := range s.modes {
		more = append(more, "--mode", mode)
	}
	if device == "cpu" && len(s.modes) == 0 { // only to see that it works
		more = append(more, "--mode", "eager, bfloat16 weights, channels last")
	}
	return measuring("training", more...)(ctx, f, s, into)
}

// torchDevice is where PyTorch can train, "" and a reason where it can't. The processor is good for trying it in the small.
func torchDevice(ctx context.Context, s settings) (device, reason string) {
	if s.python == "none" {
		return "", "--python none"
	}
	const ask = "import torch; print('cuda' if torch.cuda.is_available() else 'cpu')"
	out, err := exec.CommandContext(ctx, s.python, "-c", ask).Output()
	if err != nil {
		return "", fmt.Sprintf("%s has no PyTorch: name one that has by --python", s.python)
	}
	device = strings.TrimSpace(string(out))
	if device == "cpu" && !s.quick {
		return "", fmt.Sprintf("the PyTorch of %s sees no GPU", s.python)
	}
	return device, ""
}

// accuracy trains on real images alone: an accuracy on others says nothing.
func accuracy(ctx context.Context, f *folder, s settings, into *result.Step) error {
	if f.archive() == "" {
		return skip("the folder was made without CIFAR-10: put cifar-10-binary.tar.gz into it")
	}
	every := max(1, s.epochs/20)
	return measuring("accuracy", "--epochs", fmt.Sprint(s.epochs), "--every", fmt.Sprint(every))(ctx, f, s, into)
}
