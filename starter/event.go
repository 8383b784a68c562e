package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"twinview/experiment"
)

// Kinds of events, as watch's JSON has them.
const (
	eventBegin    = "stage_begun"
	eventEnd      = "stage_done"
	eventEpoch    = "epoch"
	eventProgress = "progress"
	eventChange   = "change"
	eventRollBack = "roll_back"
	eventDiverged = "diverged"
	eventFailure  = "attempt_failed"
	eventWaiting  = "waiting"
	eventAnswer   = "answer"
	eventFinished = "finished"
	eventFailed   = "failed"
)

// event is something that happens in an experiment or to it, told as a line to people and as a JSON object to programs.
type event struct {
	kind string
	// stage is empty where it is not about one.
	stage string
	// text is the line, without the stage.
	text string
	// detail is what programs get beside the text; nil where that is nothing.
	detail any
}

func (e event) String() string {
	if e.stage == "" {
		return e.text
	}
	return fmt.Sprintf("%-9s %s", e.stage, e.text)
}

// Details that are no type of package experiment.
type (
	begunDetail struct {
		Epochs int `json:"epochs"`
	}
	doneDetail struct {
		Seconds float64 `json:"seconds"`
	}
	armEpoch struct {
		experiment.Arm
		Labels int `json:"labels"`
		experiment.ClassifierEpoch
	}
	failureDetail struct {
		Activity string `json:"activity,omitempty"`
		Attempt  int32  `json:"attempt,omitempty"`
		Failure  string `json:"failure"`
	}
)

// eventLine is a line of watch's JSON.
type eventLine struct {
	Time       time.Time `json:"time"`
	Experiment string    `json:"experiment"`
	Event      string    `json:"event"`
	Stage      string    `json:"stage,omitempty"`
	Text       string    `json:"text"`
	Detail     any       `json:"detail,omitempty"`
}

// jsonLines returns what writes an experiment's events as JSON, one a line.
func jsonLines(w io.Writer, name string) func(event, time.Time) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(e event, now time.Time) {
		// An error is that of the reader's end of the pipe, which the next line meets again and which ends nothing.
		_ = encoder.Encode(eventLine{now.UTC(), name, e.kind, e.stage, e.text, e.detail})
	}
}
