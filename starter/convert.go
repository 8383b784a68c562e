package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"twinview/checkpoint"
)

// Formats of models, and the extensions of their files.
const (
	formatTorch       = "pt"
	formatSafetensors = "safetensors"

	extTorch       = "." + formatTorch
	extSafetensors = "." + formatSafetensors
)

// fetchConverted fetches a PyTorch state dict, verified, and writes it to target as safetensors. target appears whole or not
// at all.
func fetchConverted(ctx context.Context, w io.Writer, s objects, f file, target string) error {
	folder, err := os.MkdirTemp(filepath.Dir(target), ".get-*")
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.name, err)
	}
	defer os.RemoveAll(folder)
	model, converted := filepath.Join(folder, "model"), filepath.Join(folder, "converted")
	if err := s.GetFile(ctx, f.Artifact, model); err != nil {
		return err
	}
	if err := convert(model, converted); err != nil {
		return fmt.Errorf("convert %s to %s: %w", f.name, formatSafetensors, err)
	}
	if err := os.Rename(converted, target); err != nil {
		return fmt.Errorf("convert %s to %s: %w", f.name, formatSafetensors, err)
	}
	fmt.Fprintf(w, "%s  from %s  %s  SHA-256 %.12s…\n", target, f.name, size(f.Size), f.SHA256)
	return nil
}

// convert rewrites a PyTorch state dict as safetensors.
func convert(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	tensors, err := checkpoint.ReadTorch(data)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	// "format" is what the libraries of others look for in a PyTorch model.
	if err := checkpoint.WriteSafetensors(out, tensors, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	return out.Close()
}
