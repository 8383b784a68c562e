package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"twinview/experiment"
	"twinview/storage"
)

// exitOf runs a command line and returns its exit code and its error.
func exitOf(t *testing.T, arguments ...string) (int, error) {
	t.Helper()
	c := newCommand()
	c.SetOut(&bytes.Buffer{})
	c.SetErr(&bytes.Buffer{})
	c.SetArgs(arguments)
	err := markUsage(c)(t.Context())
	return exitCode(err), err
}

func TestEachKindOfErrorHasItsExitCode(t *testing.T) {
	plain := errors.New("something")
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{plain, exitFailure},
		{errUnwell, exitFailure},
		{fmt.Errorf("get: %w", storage.ErrCorrupt), exitFailure},
		{usageError{plain}, exitUsage},
		{fmt.Errorf("first.yaml is no valid spec:\n%w", experiment.Problems{{Text: "x"}}), exitUsage},
		{notFoundError{plain}, exitNotFound},
		{fmt.Errorf("get: %w", storage.ErrNotFound), exitNotFound},
		{unreachableError{plain}, exitUnreachable},
		{fmt.Errorf("list: %w", storage.ErrUnreachable), exitUnreachable},
		{fmt.Errorf("list: %w", storage.ErrAccess), exitUnreachable},
		{fmt.Errorf("list: %w", storage.ErrNoBucket), exitUnreachable},
		{fmt.Errorf("ask: %w", serviceerror.NewUnavailable("away")), exitUnreachable},
		{fmt.Errorf("ask: %w", serviceerror.NewPermissionDenied("no", "")), exitUnreachable},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), exitUnreachable},
		{failedError{plain}, exitFailed},
		{ended("first", observation{failure: plain, progress: &experiment.Progress{}}), exitFailed},
		{fmt.Errorf("%w: again", errInterrupted), exitInterrupted},
		{fmt.Errorf("get: %w", context.Canceled), exitInterrupted},
	} {
		require.Equal(t, c.code, exitCode(c.err), "%v", c.err)
	}
}

// Whatever is wrong on the command line, nothing is done and the exit code says so; the error leads to the help.
func TestWrongCommandLinesAreToldApart(t *testing.T) {
	noServers(t)
	for _, line := range [][]string{
		{"frobnicate"}, {"spec", "frobnicate"}, {"run"}, {"run", "a", "b"}, {"show", "--nope"}, {"extend", "first"},
		{"run", "a.yaml", "--watch", "-o", "json"}, {"list", "-o", "xml"}, {"list", "--limit", "x"},
	} {
		code, err := exitOf(t, append(line, "--address", "127.0.0.1:1")...)
		require.Equal(t, exitUsage, code, "%v: %v", line, err)
		require.ErrorContains(t, err, "--help`", line)
	}
	for _, line := range [][]string{
		{"list", "--limit", "0"}, {"doctor", "--only", "heart"}, {"run", "nowhere.yaml"}, {"run", writeSpec(t, "name: A")},
		{"spec", "check", writeSpec(t, "knn: {kk: 1}")}, {"spec", "init", "--recipe", "none"}, {"spec", "explain", "none"},
		{"get", "first", "--format", "onnx"}, {"get", "a/b"}, {"gc", "--older-than", "0s"}, {"compare", "first"}, {"compare", "first", "first"}, {"compare", "a/b", "c"},
		{"get", "first", "--only", "logs"},
	} {
		code, err := exitOf(t, append(line, "--address", "127.0.0.1:1")...)
		require.Equal(t, exitUsage, code, "%v: %v", line, err)
	}
	code, err := exitOf(t, "spec", "explain", "seed")
	require.Equal(t, 0, code, err)
}

func TestServersThatAreAwayAreToldApart(t *testing.T) {
	noServers(t)
	spec := writeSpec(t, goodSpec)
	for _, line := range [][]string{{"run", spec}, {"list"}, {"show", "first"}, {"watch", "first"}, {"pause", "first"}, {"gc"}} {
		code, err := exitOf(t, append(line, "--address", "127.0.0.1:1")...)
		require.Equal(t, exitUnreachable, code, "%v: %v", line, err)
	}
	code, err := exitOf(t, "get", "first", "--address", "127.0.0.1:1")
	require.Equal(t, exitUnreachable, code, err)
	require.ErrorContains(t, err, storage.EnvEndpoint)
	useStore(t, storage.Config{Endpoint: "127.0.0.1:1", AccessKey: "user", SecretKey: "secret", Bucket: "bucket"})
	code, err = exitOf(t, "get", "first")
	require.Equal(t, exitUnreachable, code, err)
}

func TestWhatIsMissingAndWhatHasFailedAreToldApart(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec)
	for _, line := range [][]string{{"show", "first"}, {"watch", "first"}, {"stop", "first"}, {"cancel", "first"}} {
		code, err := exitOf(t, append(line, at...)...)
		require.Equal(t, exitNotFound, code, "%v: %v", line, err)
	}
	code, err := exitOf(t, append([]string{"run", spec, "--watch", "--set", "seed=13"}, at...)...)
	require.Equal(t, exitFailed, code, err)
	code, err = exitOf(t, append([]string{"watch", "first"}, at...)...)
	require.Equal(t, exitFailed, code, err)
	code, err = exitOf(t, append([]string{"show", "first"}, at...)...)
	require.Equal(t, 0, code, err)
	code, err = exitOf(t, append([]string{"stop", "first"}, at...)...)
	require.Equal(t, exitFailure, code, err)
}
