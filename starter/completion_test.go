package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// completions are what the shell gets for a command line, without descriptions, and the directive behind them.
func completions(t *testing.T, flags []string, line ...string) (found []string, directive string) {
	t.Helper()
	last := len(line) - 1
	line = append(append(append([]string{cobra.ShellCompRequestCmd}, line[:last]...), flags...), line[last])
	out, err := starter(t, nil, line...)
	require.NoError(t, err)
	for answer := range strings.Lines(out) {
		answer, _, _ = strings.Cut(strings.TrimSpace(answer), "\t")
		switch {
		case strings.HasPrefix(answer, ":"):
			return found, answer
		case answer != "":
			found = append(found, answer)
		}
	}
	return found, ""
}

func TestFieldsAndValuesAreCompleted(t *testing.T) {
	const noFile, noSpace = ":4", ":6"
	found, directive := completions(t, nil, "run", "first.yaml", "--set", "pre")
	require.Contains(t, found, "pretrain.")
	require.Contains(t, found, "seed=")
	require.NotContains(t, found, "pretrain.epochs=", "one section at a time")
	require.Equal(t, noSpace, directive)
	found, _ = completions(t, nil, "run", "first.yaml", "--set", "pretrain.optimizer.")
	require.Contains(t, found, "pretrain.optimizer.momentum=")
	found, directive = completions(t, nil, "spec", "check", "first.yaml", "--set", "method.name=")
	require.Equal(t, []string{"method.name=simclr", "method.name=barlow_twins"}, found)
	require.Equal(t, noFile, directive)
	found, _ = completions(t, nil, "run", "first.yaml", "--set", "pretrain.optimizer.nesterov=")
	require.Equal(t, []string{"pretrain.optimizer.nesterov=true", "pretrain.optimizer.nesterov=false"}, found)
	found, _ = completions(t, nil, "run", "first.yaml", "--set", "pretrain.progressive_resizing.")
	require.Empty(t, found, "a list is set as a whole")
	found, _ = completions(t, nil, "spec", "explain", "")
	require.Subset(t, found, []string{"pretrain", "pretrain.", "seed"})
	found, _ = completions(t, nil, "spec", "init", "--recipe", "")
	require.Subset(t, found, []string{"simclr", "barlow-twins", "cpu-simclr", "demo"})
	found, directive = completions(t, nil, "run", "")
	require.Equal(t, []string{"yaml", "yml"}, found)
	require.Equal(t, ":8", directive, "files with these extensions")
	found, _ = completions(t, nil, "doctor", "--only", "")
	require.Equal(t, checks, found)
	found, _ = completions(t, nil, "list", "-o", "")
	require.Equal(t, []string{"text", "json"}, found)
}

func TestExperimentsAreCompleted(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec)
	_, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err)
	_, err = starter(t, at, "run", spec, "--name", "going", "--set", "seed=99")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, _ := completions(t, at, "show", "")
		return len(found) == 2 && found[0] == "going" && found[1] == "first"
	}, 10*time.Second, 100*time.Millisecond, "the newest first")
	require.Eventually(t, func() bool {
		found, directive := completions(t, at, "pause", "")
		return len(found) == 1 && found[0] == "going" && directive == ":4"
	}, 10*time.Second, 100*time.Millisecond, "only one that runs")
	found, _ := completions(t, at, "gc", "going", "")
	require.Equal(t, []string{"first"}, found)
	found, _ = completions(t, at, "pause", "going", "")
	require.Empty(t, found)
}

func TestFilesAreCompleted(t *testing.T) {
	noServers(t)
	s := startStore(t)
	putAll(t, s, "first")
	found, directive := completions(t, nil, "get", "first", "report.html", "")
	require.Subset(t, found, []string{"metrics.json", "pretrain/epoch-0001.safetensors"})
	require.NotContains(t, found, "report.html")
	require.Equal(t, ":4", directive)
}

// Where there is no server, the tab key does nothing, and does it soon.
func TestCompletionIsSilentWithoutServers(t *testing.T) {
	noServers(t)
	began := time.Now()
	for _, line := range [][]string{{"show", ""}, {"get", "first", ""}, {"get", "../x", ""}} {
		found, directive := completions(t, []string{"--address", "127.0.0.1:1"}, line...)
		require.Empty(t, found)
		require.Equal(t, ":4", directive)
	}
	require.Less(t, time.Since(began), 3*completionTimeout)
}
