package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The new number of epochs is taken, or refused with the workflow's reason.
func TestExtendCommand(t *testing.T) {
	at := startRunning(t)
	out, err := starter(t, at, "extend", "first", "--epochs", "5")
	require.NoError(t, err)
	require.Equal(t, "first: pretrain.epochs changed from 2 to 5 in stage pretrain, epochs done: 1\n"+
		"watch it: starter watch first\n", out)
	_, err = starter(t, at, "extend", "first", "--epochs", "10")
	require.EqualError(t, err, `extend "first": pretrain.epochs: 10 is out of range`)
	_, err = starter(t, at, "extend", "first")
	require.ErrorContains(t, err, `"epochs" not set`)
}
