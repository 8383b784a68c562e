package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

const (
	// fileSpec is the first file that an experiment writes, fileMetrics the last one for people.
	fileSpec    = "spec.yaml"
	fileMetrics = "metrics.json"
)

func newGetCommand() *cobra.Command {
	var (
		format output
		out    string
		models = formatTorch
		only   []string
	)
	c := &cobra.Command{
		Use:   "get NAME [FILE...]",
		Short: "Fetch an experiment's models, report and metrics",
		Long: `get fetches an experiment's files from the object store and checks each against its SHA-256. Without a FILE it
fetches all but the training checkpoints; a FILE can be a folder. --only fetches those of these kinds:

` + kindHelp() + `

It needs no Temporal, so it works for as long as the objects are there. What a broken connection or Ctrl-C has left of a
download (a file that ends in .part) is gone on with the next time, and a file that is there already, with the right digest, is
not fetched again.

Models are PyTorch state dicts (.pt). With --format safetensors they are rewritten in that format, under the same names.`,
		Example: `  starter get first --out first
  starter get first --only models,metrics --out first
  starter get first simclr_best_epoch.pt --format safetensors
  starter get first pretrain/epoch-0010.safetensors
  starter get first --only report -o json | jq -r '.[].path'
  starter get first tensorboard && tensorboard --logdir tensorboard`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if models != formatTorch && models != formatSafetensors {
				return usageError{fmt.Errorf("--format %q: must be %s or %s", models, formatTorch, formatSafetensors)}
			}
			if err := checkKinds(only, len(args) > 1); err != nil {
				return err
			}
			if err := checkName(args[0]); err != nil {
				return err
			}
			store, err := openStore(c.Context())
			if err != nil {
				return err
			}
			files, err := choose(c.Context(), store, args[0], args[1:], only)
			if err != nil {
				return err
			}
			if len(args) == 1 && len(only) == 0 && !slices.ContainsFunc(files, isMetrics) {
				fmt.Fprintf(c.ErrOrStderr(), "%s has not finished (there is no %s): these are its files so far\n", args[0], fileMetrics)
			}
			w := c.OutOrStdout()
			if format == outputJSON {
				w = io.Discard
			}
			got, err := fetch(c.Context(), w, store, files, out, models)
			if format == outputJSON {
				err = errors.Join(err, writeJSON(c.OutOrStdout(), got))
			}
			return err
		},
	}
	format.addFlag(c)
	c.Flags().StringSliceVar(&only, "only", nil, "fetch only files of these kinds: "+strings.Join(kindNames(), ", "))
	c.Flags().StringVar(&models, "format", formatTorch, "format of the models: pt or safetensors")
	c.Flags().StringVar(&out, "out", ".", "folder to put the files into; made where it is missing")
	completeFlag(c, "only", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	completeFlag(c, "format", cobra.FixedCompletions([]string{formatTorch, formatSafetensors}, cobra.ShellCompDirectiveNoFileComp))
	completeFlag(c, "out", completeFolders)
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
	Download(ctx context.Context, a experiment.Artifact, path string) (resumed int64, err error)
}

// choose finds the files of the given names, or those of the given kinds, or all that are made for people.
func choose(ctx context.Context, s objects, experimentName string, names, kinds []string) ([]file, error) {
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
		if name := strings.TrimPrefix(a.Key, folder); wanted(name, kinds) {
			files = append(files, file{name, a})
		}
	}
	switch {
	case len(all) == 0:
		return nil, noFiles(experimentName)
	case len(files) == 0:
		return nil, notFoundError{fmt.Errorf("experiment %q has no files of the kind %s so far: `starter show %[1]s` says how far it is",
			experimentName, strings.Join(kinds, ", "))}
	}
	return files, nil
}

// checkName refuses a name that would lead out of the experiments' folder.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return usageError{fmt.Errorf("%q is no name of an experiment: `starter list` shows those that there are", name)}
	}
	return nil
}

func noFiles(name string) error {
	return notFoundError{fmt.Errorf("the object store has no files of an experiment %q: `starter list` shows what there is", name)}
}

func named(ctx context.Context, s objects, folder string, names []string) ([]file, error) {
	var files []file
	for _, name := range names {
		a, err := s.Stat(ctx, folder+name)
		if errors.Is(err, storage.ErrNotFound) {
			inside, listed := s.List(ctx, folder+name+"/")
			if listed != nil {
				return nil, listed
			}
			if len(inside) == 0 {
				return nil, fmt.Errorf("%w: `starter get` without a file name fetches what there is", err)
			}
			for _, a := range inside {
				files = append(files, file{strings.TrimPrefix(a.Key, folder), a})
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, a})
	}
	return files, nil
}

// fetched is a file on this machine; the fields are those of get's JSON.
type fetched struct {
	// Path is where it is, File what the experiment calls it.
	Path string `json:"path"`
	File string `json:"file"`
	experiment.Artifact
	// Kept says that it was there already, Resumed how many bytes of it an earlier call had left.
	Kept    bool  `json:"kept,omitempty"`
	Resumed int64 `json:"resumed_at,omitempty"`
}

func (f fetched) write(w io.Writer) {
	from := ""
	if filepath.Ext(f.Path) != path.Ext(f.File) {
		from = "  from " + f.File
	}
	note := ""
	switch {
	case f.Kept:
		note = "  was there already"
	case f.Resumed > 0:
		note = fmt.Sprintf("  went on after %s", size(f.Resumed))
	}
	fmt.Fprintf(w, "%s%s  %s  SHA-256 %.12s…%s\n", f.Path, from, size(f.Size), f.SHA256, note)
}

// fetch puts the files into the folder out, verified, models in the given format. It returns what is there, also where it fails.
func fetch(ctx context.Context, w io.Writer, s objects, files []file, out, format string) ([]fetched, error) {
	got := []fetched{}
	for _, f := range files {
		// A key is anything that its writer liked; it must not lead out of the folder.
		if !filepath.IsLocal(filepath.FromSlash(f.name)) {
			return got, fmt.Errorf("object %q: its name is no path inside a folder", f.Key)
		}
		target := filepath.Join(out, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return got, fmt.Errorf("make folder for %s: %w", f.name, err)
		}
		one, err := fetchOne(ctx, s, f, target, format)
		if err != nil {
			return got, err
		}
		one.write(w)
		got = append(got, one)
	}
	return got, nil
}

func fetchOne(ctx context.Context, s objects, f file, target, format string) (got fetched, err error) {
	got = fetched{Path: target, File: f.name, Artifact: f.Artifact}
	if format == formatSafetensors && filepath.Ext(target) == extTorch {
		got.Path = strings.TrimSuffix(target, extTorch) + extSafetensors
		got.Resumed, err = fetchConverted(ctx, s, f, got.Path)
		return got, err
	}
	if got.Kept, err = holds(target, f.Artifact); err != nil || got.Kept {
		return got, err
	}
	got.Resumed, err = s.Download(ctx, f.Artifact, target)
	return got, err
}

// holds says whether the file at path is the artifact already.
func holds(path string, a experiment.Artifact) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() != a.Size {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether %s is there: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("look whether %s is there: %w", path, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, fmt.Errorf("look whether %s is there: %w", path, err)
	}
	return strings.EqualFold(hex.EncodeToString(sum.Sum(nil)), a.SHA256), nil
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
