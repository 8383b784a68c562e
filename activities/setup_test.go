package activities

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"twinview/engine"
	"twinview/experiment"
)

// newActivities is one worker with its own memory and cache on a shared store.
func newActivities(t *testing.T, s Store) *Activities {
	t.Helper()
	return &Activities{
		Store:    s,
		Compile:  func(experiment.Compute) engine.Compiler { return engine.Reference },
		CacheDir: t.TempDir(),
		Identity: "worker",
	}
}

// newEnvironment runs a's activities as Temporal would.
func newEnvironment(a *Activities) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a.RegisterGeneral(env)
	a.RegisterTrain(env)
	return env
}

// run executes one activity of the worker a.
func run[T any](t *testing.T, a *Activities, name string, in any) (T, error) {
	t.Helper()
	var result T
	value, err := newEnvironment(a).ExecuteActivity(name, in)
	if err != nil {
		return result, err
	}
	require.NoError(t, value.Get(&result))
	return result, nil
}

// must is run for an activity that succeeds.
func must[T any](t *testing.T, a *Activities, name string, in any) T {
	t.Helper()
	result, err := run[T](t, a, name, in)
	require.NoError(t, err)
	return result
}

// requireType checks the type of an activity's error and whether Temporal would try again.
func requireType(t *testing.T, err error, kind string, retried bool) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, kind, application.Type(), "%v", err)
	require.Equal(t, retried, !application.NonRetryable(), "%v", err)
}

// prepare puts spec's data into the store.
func prepare(t *testing.T, s Store, spec experiment.Spec) experiment.PreparedData {
	t.Helper()
	in := experiment.PrepareDataInput{Spec: spec}
	return must[experiment.PreparedData](t, newActivities(t, s), experiment.ActivityPrepareData, in)
}
