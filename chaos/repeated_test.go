package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// story makes events at the seconds of their place in a row.
type story struct{ events []event }

func (s *story) at(second int, source, what string, fields ...string) {
	e := event{At: time.Unix(int64(second), 0), Source: source, What: what, Fields: map[string]string{}}
	for i := 0; i < len(fields); i += 2 {
		e.Fields[fields[i]] = fields[i+1]
	}
	s.events = append(s.events, e)
}

const partialKey = "experiments/a/pretrain/epoch-0001.partial/step-000005-attempt-1-x.safetensors"

var first = []string{"ActivityType", "PretrainEpoch", "stage", "pretrain", "epoch", "1"}

// An attempt repeats what came behind the checkpoint that it goes on from, or all, where there is none.
func TestRepeatedWork(t *testing.T) {
	var s story
	s.at(0, "worker 1", "begin", first...)
	s.at(6, "store", eventPut, "key", partialKey)
	s.at(10, "worker 1", eventEnded)
	s.at(20, "worker 2", "begin", first...)
	s.at(21, "worker 2", "go on inside the epoch", "ActivityType", "PretrainEpoch", "checkpoint", partialKey)
	s.at(23, "worker 2", "attempt failed", first...)
	s.at(30, "worker 3", "begin", first...)
	s.at(40, "worker 3", "end", first...)
	require.Equal(t, []time.Duration{4 * time.Second, 13 * time.Second}, repeatedWork(s.events))
}

// What is recorded is not done again, unless the record was withdrawn.
func TestRecordedWorkIsNotRepeated(t *testing.T) {
	const record = "experiments/a/pretrain/epoch-0001.json"
	var s story
	s.at(0, "worker 1", "begin", first...)
	s.at(8, "store", eventAccepted, "key", record)
	s.at(9, "worker 1", eventEnded)
	s.at(20, "worker 2", "begin", first...)
	s.at(21, "worker 2", "end", first...)
	s.at(22, "store", eventRemove, "key", record)
	s.at(30, "worker 2", "begin", first...)
	s.at(39, "worker 2", "end", first...)
	require.Equal(t, []time.Duration{0, 10 * time.Second}, repeatedWork(s.events))
}

// An attempt that finds the recorded checkpoint lost withdraws the record and does the work.
func TestWithdrawnWorkIsRepeated(t *testing.T) {
	const record = "experiments/a/pretrain/epoch-0001.json"
	var s story
	s.at(0, "worker 1", "begin", first...)
	s.at(8, "store", eventAccepted, "key", record)
	s.at(9, "worker 1", eventEnded)
	s.at(20, "worker 2", "begin", first...)
	s.at(21, "store", eventRemove, "key", record)
	s.at(30, "worker 2", "end", first...)
	require.Equal(t, []time.Duration{9 * time.Second}, repeatedWork(s.events))
}

func TestObjectsOf(t *testing.T) {
	var s story
	for _, what := range []string{eventPut, eventAccepted, eventAcknowledged} {
		s.at(0, "store", what, "key", "experiments/a/kept", "sha256", "1")
	}
	for _, what := range []string{eventPut, eventAccepted, eventAcknowledged, eventRemove} {
		s.at(0, "store", what, "key", "experiments/a/removed", "sha256", "2")
	}
	s.at(0, "store", eventPut, "key", "experiments/a/cut", "sha256", "3")
	s.at(0, "store", eventPut, "key", "experiments/another/kept", "sha256", "4")
	require.Equal(t, map[string]object{
		"experiments/a/kept":    {attempted: true, acknowledged: true, accepted: "1"},
		"experiments/a/removed": {attempted: true, acknowledged: true, removed: true, accepted: "2"},
		"experiments/a/cut":     {attempted: true},
	}, objectsOf(s.events, "experiments/a/"))
}

// A take-over that takes too long fails the round.
func TestSlowTakeOverIsAProblem(t *testing.T) {
	r := &round{stack: &stack{settings: settings{takeOver: 15 * time.Second}}, takeOvers: []time.Duration{14 * time.Second}}
	r.judgeTakeOvers()
	require.Empty(t, r.problems)
	r.takeOvers = append(r.takeOvers, 16*time.Second)
	r.judgeTakeOvers()
	require.Len(t, r.problems, 1)
}
