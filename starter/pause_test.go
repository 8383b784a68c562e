package main

import "testing"

// A pause says how to go on.
func TestPauseCommand(t *testing.T) {
	requireChange(t, "first: paused in stage pretrain, epochs done: 1\nnothing is computed until `starter resume first`\n",
		"pause", "first")
}
