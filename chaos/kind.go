package main

import (
	"context"
	"fmt"
	"time"
)

// kind is a kind of harm.
type kind struct {
	name string
	// workers is how many it needs at least.
	workers int
	// atStart is done as the experiment is submitted, at most once in a round.
	atStart bool
	// objects and methods are what it may aim at.
	objects []target
	methods []string
	// describe says what was drawn that matters to it.
	describe func(harm) string
	// do waits for its moment, does harm and mends what does not mend itself, also when ctx ends. The error says why the harm
	// could not be done; errMissed, that its moment never came.
	do func(context.Context, *round, harm) error
}

// excludes says whether a round that has the one kind can't have the other.
func (k *kind) excludes(other *kind) bool { return k == other || k.atStart && other.atStart }

// onTheWay are the objects of an epoch.
var onTheWay = []target{targetPartial, targetManifest, targetCheckpoint, targetRecord}

// kinds are all that there are.
var kinds = []*kind{
	{name: "SIGKILL in a step", describe: describeDown, do: ending{kill, inStep}.do},
	{name: "SIGKILL in an upload", objects: onTheWay, describe: describeUpload, do: ending{kill, inUpload}.do},
	{name: "SIGKILL between epochs", describe: describeDown, do: ending{kill, betweenEpochs}.do},
	{name: "SIGTERM in a step", describe: describeDown, do: ending{terminate, inStep}.do},
	{name: "SIGTERM in an upload", objects: onTheWay, describe: describeUpload, do: ending{terminate, inUpload}.do},
	{name: "SIGTERM between epochs", describe: describeDown, do: ending{terminate, betweenEpochs}.do},
	{name: "one of two workers killed", workers: 2, describe: describeAfter, do: killOneOfTwo},
	{name: "store killed", describe: describeDown, do: killStore},
	{name: "Temporal killed", describe: describeDown, do: killTemporal},
	{name: "store cut off", describe: describeDown, do: cutting(toStore).do},
	{name: "Temporal cut off", describe: describeDown, do: cutting(toTemporal).do},
	{name: "both cut off", describe: describeDown, do: cutting(toBoth).do},
	{name: "one of two workers cut off", workers: 2, describe: describeDown, do: cutOneOfTwo},
	{name: "both slow", describe: describeSlow, do: slowBoth},
	{name: "bits flipped inside an epoch", describe: describeFlip, do: flipInside},
	{name: "bits flipped at an epoch's end", describe: describeFlip, do: flipBetween},
	{name: "starter killed", atStart: true, describe: describeAfter, do: killStarter},
	{name: "run done, answer lost", atStart: true, methods: []string{"StartWorkflowExecution"}, describe: describeLoss, do: loseRun},
	{name: "put done, answer lost", objects: append([]target{targetModel, targetReport}, onTheWay...), describe: describePutLoss,
		do: losePut},
	{name: "completion done, answer lost", methods: []string{"RespondActivityTaskCompleted"}, describe: describeLoss, do: loseCall},
	{name: "task handed out, answer lost", methods: []string{"PollActivityTaskQueue", "PollWorkflowTaskQueue"},
		describe: describeLoss, do: loseCall},
	{name: "decision done, answer lost", methods: []string{"RespondWorkflowTaskCompleted"}, describe: describeLoss, do: loseCall},
	{name: "heartbeat done, answer lost", methods: []string{"RecordActivityTaskHeartbeat"}, describe: describeLoss, do: loseCall},
}

func describeAfter(h harm) string { return "after " + h.after.String() }
func describeDown(h harm) string  { return fmt.Sprintf("after %s, for %s", h.after, h.lasting) }
func describeUpload(h harm) string {
	return fmt.Sprintf("%.0f %% of a %s, for %s", 100*h.at, h.object, h.lasting)
}
func describeSlow(h harm) string {
	return fmt.Sprintf("%d ms, %d kB/s, after %s, for %s", h.milliseconds, h.kilobytes, h.after, h.lasting)
}
func describeFlip(h harm) string {
	if h.directly {
		return "in the folder, where the store allows it"
	}
	return "through the store"
}
func describeLoss(h harm) string    { return fmt.Sprintf("%s, %s", h.method, h.how) }
func describePutLoss(h harm) string { return fmt.Sprintf("%s, %s", h.object, h.how) }

func hasPlace(h harm) bool { return !h.kind.atStart && h.lateness() < 0 }

// sleep returns early when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
