package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"twinview/experiment"
	"twinview/experiment/reference"
)

func newSpecInitCommand() *cobra.Command {
	var (
		flags specFlags
		from  string
		force bool
	)
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a whole spec with comments, to begin from",
		Long: `init writes a spec that says everything: each field with what it means and what it may be, at the value of a recipe, or
at its default where the recipe doesn't say. What it leaves out stands behind a # without a space: take that away to switch
it on. Without FILE it goes to standard output. The experiment is called as --name says, else as FILE, else as the recipe.

Recipes:
` + recipeHelp(),
		Example: `  starter spec init first.yaml
  starter spec init twins.yaml --recipe cpu-barlow-twins --set pretrain.epochs=20
  starter spec init --recipe demo | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := findRecipe(from)
			if err != nil {
				return err
			}
			file := strings.Join(args, "")
			if name := nameOf(file); flags.name == "" && experiment.IsName(name) {
				flags.name = name
			}
			spec, err := r.read(flags)
			if err != nil {
				return err
			}
			text := document(r, spec)
			if file == "" {
				_, err := c.OutOrStdout().Write(text)
				return err
			}
			return writeNew(c.OutOrStdout(), file, text, force)
		},
		ValidArgsFunction: completeSpecs,
	}
	flags.add(c)
	c.Flags().StringVar(&from, "recipe", "simclr", "what to begin from")
	c.Flags().BoolVar(&force, "force", false, "overwrite FILE where it exists")
	completeFlag(c, "recipe", completeRecipes)
	return c
}

// recipeHelp lists the recipes. They are part of the program, so that none can be missing.
func recipeHelp() string {
	all, err := recipes()
	if err != nil {
		panic(err)
	}
	var text strings.Builder
	for _, r := range all {
		fmt.Fprintf(&text, "  %-18s %s\n", r.name, r.first())
	}
	return strings.TrimRight(text.String(), "\n")
}

// nameOf is the name of a file without folder and extension.
func nameOf(file string) string { return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) }

// document is a spec with comments behind what its recipe is.
func document(r recipe, spec experiment.Spec) []byte {
	var text bytes.Buffer
	for _, line := range r.about {
		fmt.Fprintln(&text, strings.TrimRight("# "+line, " "))
	}
	fmt.Fprintf(&text, "#\n# Every field of the recipe %q, with what it means. A # without a space is before what is left out.\n\n",
		r.name)
	text.Write(reference.Commented(spec))
	return text.Bytes()
}

// writeNew writes a file that isn't there yet, or any with force.
func writeNew(w io.Writer, file string, text []byte, force bool) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usageError{fmt.Errorf("%s exists and was left as it is: choose another file, or overwrite it with --force", file)}
	}
	if err != nil {
		return fmt.Errorf("write spec: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("write spec: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write spec: %w", err)
	}
	_, err = fmt.Fprintf(w, "wrote %s\ncheck it: starter spec check %[1]s\nrun it:   starter run %[1]s --watch\n", file)
	return err
}
