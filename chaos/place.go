package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// place is an epoch of the experiment.
type place struct {
	stage string
	epoch int
}

// places are all epochs of the spec, in order.
var places = []place{{"pretrain", 1}, {"pretrain", 2}, {"pretrain", 3}, {"finetune", 1}, {"finetune", 2}}

func (p place) String() string { return fmt.Sprintf("%s %d", p.stage, p.epoch) }

// order is the position in places, -1 for none of them.
func (p place) order() int {
	for i, other := range places {
		if other == p {
			return i
		}
	}
	return -1
}

// placeOf is the epoch that a line of a worker's log is about.
func placeOf(e event) place {
	epoch, err := strconv.Atoi(e.Fields["epoch"])
	if err != nil {
		epoch = 0
	}
	return place{e.Fields["stage"], epoch}
}

// target says what an object is.
type target string

const (
	targetPartial    target = "checkpoint inside an epoch"
	targetManifest   target = "manifest"
	targetCheckpoint target = "checkpoint"
	targetRecord     target = "record"
	targetModel      target = "model"
	targetReport     target = "report"
)

var epochKey = regexp.MustCompile(`^experiments/[^/]+/(pretrain|finetune)/epoch-(\d{4})([./].*)$`)

// classify says what an object is, and of which epoch. Models and reports are of none.
func classify(key string) (target, place) {
	m := epochKey.FindStringSubmatch(key)
	if m == nil {
		switch {
		case strings.HasSuffix(key, ".pt"):
			return targetModel, place{}
		case strings.Contains(key, "/plots/"), strings.Contains(key, "/tensorboard/"), strings.Contains(key, "/report."), strings.HasSuffix(key, "/metrics.json"):
			return targetReport, place{}
		}
		return "", place{}
	}
	epoch, _ := strconv.Atoi(m[2]) // four digits
	p := place{m[1], epoch}
	partial, manifest := strings.HasPrefix(m[3], ".partial/"), strings.HasSuffix(m[3], ".json")
	switch {
	case partial && manifest:
		return targetManifest, p
	case partial:
		return targetPartial, p
	case manifest:
		return targetRecord, p
	}
	return targetCheckpoint, p
}
