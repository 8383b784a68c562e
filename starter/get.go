package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"twinview/experiment"
	"twinview/storage"
)

// fileMetrics is the last file that an experiment writes for people.
const fileMetrics = "metrics.json"

func newGetCommand() *cobra.Command {
	var out string
	format := formatTorch
	c := &cobra.Command{
		Use:   "get NAME [FILE...]",
		Short: "Fetch an experiment's models, report and metrics",
		Long: `get fetches an experiment's files from the object store and checks each against its SHA-256. Without a FILE it
fetches all but the training checkpoints. It needs no Temporal, so it works for as long as the objects are there.

Models are PyTorch state dicts (.pt). With --format safetensors they are rewritten in that format, under the same names.`,
		Example: `  starter get first --out first
  starter get first simclr_best_epoch.pt --format safetensors
  starter get first pretrain/epoch-0010.safetensors`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if format != formatTorch && format != formatSafetensors {
				return fmt.Errorf("--format %q: must be %s or %s", format, formatTorch, formatSafetensors)
			}
			store, err := openStore(c.Context())
			if err != nil {
				return err
			}
			files, err := choose(c.Context(), store, args[0], args[1:])
			if err != nil {
				return err
			}
			if len(args) == 1 && !slices.ContainsFunc(files, isMetrics) {
				fmt.Fprintf(c.ErrOrStderr(), "%s has not finished (there is no %s): these are its files so far\n", args[0], fileMetrics)
			}
			return fetch(c.Context(), c.OutOrStdout(), store, files, out, format)
		},
	}
	c.Flags().StringVar(&format, "format", formatTorch, "format of the models: pt or safetensors")
	c.Flags().StringVar(&out, "out", ".", "folder to put the files into; made where it is missing")
	return c
}

// file is one object of an experiment.
type file struct {
	// name is the key inside the experiment's folder.
	name string
	experiment.Artifact
}

func isMetrics(f file) bool { return f.name == fileMetrics }

// objects is what get needs of the store.
type objects interface {
	List(ctx context.Context, prefix string) ([]experiment.Artifact, error)
	Stat(ctx context.Context, key string) (experiment.Artifact, error)
	GetFile(ctx context.Context, a experiment.Artifact, path string) error
}

// choose finds the files of the given names, or all that are made for people.
func choose(ctx context.Context, s objects, experimentName string, names []string) ([]file, error) {
	if err := checkName(experimentName); err != nil {
		return nil, err
	}
	folder := path.Join("experiments", experimentName) + "/"
	if len(names) > 0 {
		return named(ctx, s, folder, names)
	}
	all, err := s.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, a := range all {
		if name := strings.TrimPrefix(a.Key, folder); forPeople(name) {
			files = append(files, file{name, a})
		}
	}
	if len(files) == 0 {
		return nil, noFiles(experimentName)
	}
	return files, nil
}

// checkName refuses a name that would lead out of the experiments' folder.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return fmt.Errorf("%q is no name of an experiment: `starter list` shows those that there are", name)
	}
	return nil
}

func noFiles(name string) error {
	return fmt.Errorf("the object store has no files of an experiment %q: `starter list` shows what there is", name)
}

// forPeople says whether a file is none of training's own: those lie in folders by stage.
func forPeople(name string) bool {
	return !strings.Contains(name, "/") || strings.HasPrefix(name, "plots/")
}

func named(ctx context.Context, s objects, folder string, names []string) ([]file, error) {
	var files []file
	for _, name := range names {
		a, err := s.Stat(ctx, folder+name)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("%w: `starter get` without a file name fetches what there is", err)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, a})
	}
	return files, nil
}

// fetch puts the files into the folder out, verified, models in the given format.
func fetch(ctx context.Context, w io.Writer, s objects, files []file, out, format string) error {
	for _, f := range files {
		// A key is anything that its writer liked; it must not lead out of the folder.
		if !filepath.IsLocal(filepath.FromSlash(f.name)) {
			return fmt.Errorf("object %q: its name is no path inside a folder", f.Key)
		}
		target := filepath.Join(out, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("make folder for %s: %w", f.name, err)
		}
		if format == formatSafetensors && filepath.Ext(target) == extTorch {
			if err := fetchConverted(ctx, w, s, f, strings.TrimSuffix(target, extTorch)+extSafetensors); err != nil {
				return err
			}
			continue
		}
		if err := s.GetFile(ctx, f.Artifact, target); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s  %s  SHA-256 %.12s…\n", target, size(f.Size), f.SHA256)
	}
	return nil
}

// size prints a number of bytes as people say it.
func size(bytes int64) string {
	switch {
	case bytes >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	case bytes >= 1000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%d B", bytes)
}
