package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

func TestCauseIsTheActivitysOwnError(t *testing.T) {
	inner := temporal.NewNonRetryableApplicationError("digest is 12", experiment.ErrorBadData, nil)
	require.EqualError(t, cause(fmt.Errorf("child workflow: activity: %w", inner)), "BadData: digest is 12")
	wrapped := temporal.NewApplicationErrorWithOptions("prepare failed: digest is 12", experiment.ErrorBadData,
		temporal.ApplicationErrorOptions{Cause: fmt.Errorf("child workflow: activity: %w", inner)})
	require.EqualError(t, cause(wrapped), "BadData: digest is 12", "ended says where it was")
	require.EqualError(t, cause(temporal.NewCanceledError()), "somebody cancelled it")
	plain := errors.New("something else")
	require.Equal(t, plain, cause(plain))
}

func TestAdviceFitsTheCause(t *testing.T) {
	for _, c := range []struct{ kind, stage, want string }{
		{experiment.ErrorDiverged, experiment.StagePretrain, "correct the spec and run it under another name"},
		{experiment.ErrorConflict, experiment.StagePrepare, "choose another name"},
		{experiment.ErrorBadData, experiment.StagePrepare, "its name is free"},
		{experiment.ErrorCorruptArtifact, experiment.StageLinear, "run it again under the same name"},
		{experiment.ErrorCorruptArtifact, "", "run it again under the same name"},
	} {
		err := temporal.NewNonRetryableApplicationError("why", c.kind, nil)
		require.Contains(t, advice("first", c.stage, err), c.want)
	}
	require.Contains(t, advice("first", experiment.StageLinear, temporal.NewCanceledError()), "starter get first")
}
