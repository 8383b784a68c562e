package main

import "testing"

// A resumed experiment can be watched.
func TestResumeCommand(t *testing.T) {
	requireChange(t, "first: resumed in stage pretrain, epochs done: 1\nwatch it: starter watch first\n",
		"resume", "first")
}
