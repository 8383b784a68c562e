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
	require.EqualError(t, cause(temporal.NewCanceledError()), "somebody cancelled it")
	plain := errors.New("something else")
	require.Equal(t, plain, cause(plain))
}

func TestAdviceFitsTheCause(t *testing.T) {
	for kind, text := range map[string]string{
		experiment.ErrorBadSpec:  "correct the spec",
		experiment.ErrorConflict: "choose another name",
		experiment.ErrorAccess:   "remove the cause, then run it again under the same name",
	} {
		err := temporal.NewNonRetryableApplicationError("why", kind, nil)
		require.Contains(t, advice("first", err), text)
		require.Contains(t, advice("first", err), "starter get first")
	}
}
