package main

import (
	"context"
	"fmt"
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
// at all; what a broken download leaves is gone on with, as in any other.
func fetchConverted(ctx context.Context, s objects, f file, target string) (resumed int64, err error) {
	folder, err := os.MkdirTemp(filepath.Dir(target), ".get-*")
	if err != nil {
		return 0, fmt.Errorf("fetch %s: %w", f.name, err)
	}
	defer os.RemoveAll(folder)
	// The rest of a download lies beside the model, which is in the way of no file of its own name.
	model, converted := target+extTorch, filepath.Join(folder, "converted")
	if resumed, err = s.Download(ctx, f.Artifact, model); err != nil {
		return resumed, err
	}
	defer os.Remove(model)
	if err := convert(model, converted); err != nil {
		return resumed, fmt.Errorf("convert %s to %s: %w", f.name, formatSafetensors, err)
	}
	if err := os.Rename(converted, target); err != nil {
		return resumed, fmt.Errorf("convert %s to %s: %w", f.name, formatSafetensors, err)
	}
	return resumed, nil
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
