package main

import "testing"

// What is stopped goes on, with the epochs that there are.
func TestStopCommand(t *testing.T) {
	requireChange(t, "first: stage pretrain is stopped, epochs done: 1\nwatch it: starter watch first\n",
		"stop", "first")
}
