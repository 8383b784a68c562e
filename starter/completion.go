package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"

	"twinview/experiment"
	"twinview/experiment/reference"
)

// completionTimeout bounds what a press of the tab key may take.
const completionTimeout = 3 * time.Second

// completionMost is how many experiments a press of the tab key asks for.
const completionMost = 200

// completeFlag has the shell complete a flag's value. That the flag exists, the caller knows.
func completeFlag(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// completeSpecs lets the shell complete the first argument to a YAML file.
func completeSpecs(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completePictures lets the shell complete a flag's value to a PNG file.
func completePictures(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"png"}, cobra.ShellCompDirectiveFilterFileExt
}

func completeFolders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func completeRecipes(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	all, err := recipes()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var found []cobra.Completion
	for _, r := range all {
		found = append(found, cobra.CompletionWithDesc(r.name, r.first()))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// fieldsBeside are the fields of the section in which a path was begun.
func fieldsBeside(begun string) []reference.Field {
	section := begun[:strings.LastIndex(begun, ".")+1]
	return slices.DeleteFunc(reference.Fields(), func(f reference.Field) bool {
		key, ok := strings.CutPrefix(f.Path, section)
		return !ok || strings.Contains(key, ".") || f.IsItem()
	})
}

// completeKeys completes the path of a field, section by section.
func completeKeys(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if len(args) == 0 {
		for _, f := range fieldsBeside(begun) {
			found = append(found, cobra.CompletionWithDesc(f.Path, f.Value()))
			if f.IsSection() {
				found = append(found, f.Path+".")
			}
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeAssignments completes what --set takes: first a field and =, section by section, then its value where there are few.
func completeAssignments(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if key, _, valued := strings.Cut(begun, "="); valued {
		for _, choice := range choices(key) {
			found = append(found, key+"="+choice)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
	for _, f := range fieldsBeside(begun) {
		if f.IsSection() {
			found = append(found, cobra.CompletionWithDesc(f.Path+".", f.Value()))
			continue
		}
		found = append(found, cobra.CompletionWithDesc(f.Path+"=", strings.TrimPrefix(f.Defaults()+"; "+f.Value(), "; ")))
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// choices are the values of a field that has few.
func choices(key string) []string {
	for _, f := range reference.Fields() {
		if f.Path == key && f.Type == "true or false" {
			return []string{"true", "false"}
		}
		if f.Path == key {
			return f.Choices()
		}
	}
	return nil
}

// completeName completes the first argument to the name of an experiment.
func (t *target) completeName(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.experiments(c.Context(), ""), cobra.ShellCompDirectiveNoFileComp
}

// completeRunning completes it to the name of a running one.
func (t *target) completeRunning(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.experiments(c.Context(), " AND ExecutionStatus = 'Running'"), cobra.ShellCompDirectiveNoFileComp
}

// completeNames completes names of experiments, each once.
func (t *target) completeNames(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	found := slices.DeleteFunc(t.experiments(c.Context(), ""), func(completion string) bool {
		name, _, _ := strings.Cut(completion, "\t")
		return slices.Contains(args, name)
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// experiments are the newest that Temporal knows, of those under a condition, and none where it can't be asked: a press of the
// tab key is no place for errors.
func (t *target) experiments(ctx context.Context, condition string) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	if err := t.useStack(stackFile, io.Discard); err != nil {
		return nil
	}
	connection, err := t.dial(ctx)
	if err != nil {
		return nil
	}
	defer connection.Close()
	page, err := connection.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query:    fmt.Sprintf("WorkflowType = '%s'%s", experiment.WorkflowExperiment, condition),
		PageSize: completionMost,
	})
	if err != nil {
		return nil
	}
	var found []cobra.Completion
	seen := map[string]bool{}
	for _, info := range page.GetExecutions() {
		// One that was run again is there more than once, the newest first.
		if name := info.GetExecution().GetWorkflowId(); !seen[name] {
			seen[name] = true
			found = append(found, cobra.CompletionWithDesc(name, status(info.GetStatus())))
		}
	}
	return found
}

// completeFiles completes an experiment and then its files in the object store.
func (t *target) completeFiles(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return t.completeName(c, args, begun)
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
	defer cancel()
	if err := t.useStack(stackFile, io.Discard); err != nil || checkName(args[0]) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := openStore(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	folder := path.Join("experiments", args[0]) + "/"
	objects, err := store.Objects(ctx, folder)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, o := range objects {
		if name := strings.TrimPrefix(o.Key, folder); !slices.Contains(args[1:], name) {
			found = append(found, cobra.CompletionWithDesc(name, size(o.Size)))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeArguments lets the shell complete the arguments of every command that takes names of experiments.
func (t *target) completeArguments(root *cobra.Command) {
	for name, f := range map[string]cobra.CompletionFunc{
		"show": t.completeName, "watch": t.completeName, "get": t.completeFiles, "gc": t.completeNames, "compare": t.completeNames,
		"pause": t.completeRunning, "resume": t.completeRunning, "stop": t.completeRunning, "extend": t.completeRunning,
		"cancel": t.completeRunning, "run": completeSpecs, "doctor": completeSpecs,
		"predict": t.completeNameThenImages, "neighbors": t.completeNameThenImages,
	} {
		for _, c := range root.Commands() {
			if c.Name() == name {
				c.ValidArgsFunction = f
			}
		}
	}
}

// completeNameThenImages completes the first argument as an experiment's name, unless a folder stands for it, and all others as
// files.
func (t *target) completeNameThenImages(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 && !c.Flags().Changed("from") {
		return t.completeName(c, args, word)
	}
	return []cobra.Completion{"png", "jpg", "jpeg"}, cobra.ShellCompDirectiveFilterFileExt
}
