package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"twinview/layout"
)

// kind is a group of an experiment's files that people ask for together.
type kind struct {
	name, about string
	// has says whether a file belongs to it, by its name in the experiment's folder.
	has func(name string) bool
}

// kinds are all that have a name. Files of none are fetched where nobody names any.
var kinds = []kind{
	{"models", "PyTorch state dicts: the selected encoder and the classifiers", func(name string) bool {
		return !strings.Contains(name, "/") && path.Ext(name) == extTorch
	}},
	{"report", "report.html and report.pdf", func(name string) bool { return name == "report.html" || name == "report.pdf" }},
	{"metrics", "metrics.json: every figure, for programs", func(name string) bool { return name == fileMetrics }},
	{"plots", "the report's figures, as SVG and PNG", func(name string) bool { return strings.HasPrefix(name, "plots/") }},
	{"tensorboard", "the curves as event files, for TensorBoard", func(name string) bool { return strings.HasPrefix(name, "tensorboard/") }},
	{"spec", "spec.yaml: every hyperparameter", func(name string) bool { return name == fileSpec }},
	{"checkpoints", "training states of whole epochs, with all that training goes on from", isCheckpoint},
}

// isCheckpoint leaves out what is inside an epoch, which is removed at its end, and what is damaged.
func isCheckpoint(name string) bool {
	return strings.Contains(name, "/") && path.Ext(name) == extSafetensors &&
		!strings.HasPrefix(name, layout.Corrupt+"/") && !layout.IsPartial(name)
}

// wanted says whether a file is one of the kinds, or, where none is named, none of training's own: those lie in folders by stage.
func wanted(name string, named []string) bool {
	if len(named) == 0 {
		return !strings.Contains(name, "/") || strings.HasPrefix(name, "plots/") || strings.HasPrefix(name, "tensorboard/")
	}
	return slices.ContainsFunc(kinds, func(k kind) bool { return slices.Contains(named, k.name) && k.has(name) })
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

func kindHelp() string {
	lines := make([]string, len(kinds))
	for i, k := range kinds {
		lines[i] = fmt.Sprintf("  %-12s %s", k.name, k.about)
	}
	return strings.Join(lines, "\n")
}

// checkKinds refuses kinds that there are not, and any beside names of files.
func checkKinds(named []string, files bool) error {
	for _, name := range named {
		if !slices.Contains(kindNames(), name) {
			return usageError{fmt.Errorf("--only: no kind of file is called %q: must be some of %s", name, strings.Join(kindNames(), ", "))}
		}
	}
	if len(named) > 0 && files {
		return usageError{fmt.Errorf("--only %s beside names of files: leave one of the two out", strings.Join(named, ","))}
	}
	return nil
}
