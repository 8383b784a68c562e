package main

import (
	"fmt"
	"io"
	"time"
)

// viewer tells an experiment's course, event by event.
type viewer struct {
	tell     func(e event, now time.Time)
	narrator narrator
	// interval lies between two events about where a running epoch is; 0 tells each heartbeat.
	interval time.Duration
	// told holds the last failure told of each activity.
	told map[string]string
	// quiet is the present time without an answer.
	quiet struct {
		since time.Time
		told  bool
	}
	// moved is when the last event of the experiment was told, beat the newest heartbeat told.
	moved, beat time.Time
}

// newLineViewer writes lines for people.
func newLineViewer(w io.Writer) *viewer {
	return &viewer{
		tell:     func(e event, _ time.Time) { fmt.Fprintln(w, e) },
		interval: plainInterval, told: map[string]string{},
	}
}

// newJSONViewer writes lines of JSON.
func newJSONViewer(w io.Writer, name string) *viewer {
	return &viewer{tell: jsonLines(w, name), told: map[string]string{}}
}

func (v *viewer) show(o observation, now time.Time) {
	if o.progress != nil {
		v.heard(now)
		for _, e := range v.narrator.tell(*o.progress, now) {
			v.tell(e, now)
			v.moved = now
		}
	} else if o.silence != nil {
		v.silent(noWorker(o.silence), now)
	}
	for _, a := range o.activities {
		v.failure(a, now)
	}
	v.position(o.activities, now)
}

func (v *viewer) away(err error, now time.Time) {
	v.silent(fmt.Sprintf("Temporal does not answer; waiting (%v)", err), now)
}

// silent says that nobody answers, once, when that has lasted.
func (v *viewer) silent(text string, now time.Time) {
	if v.quiet.since.IsZero() {
		v.quiet.since = now
	}
	if !v.quiet.told && now.Sub(v.quiet.since) >= patience {
		v.quiet.told = true
		v.tell(event{kind: eventWaiting, text: text}, now)
	}
}

func (v *viewer) heard(now time.Time) {
	if v.quiet.told {
		v.tell(event{kind: eventAnswer, text: "there is an answer again"}, now)
	}
	v.quiet.told, v.quiet.since = false, time.Time{}
}

// failure says why an attempt has failed. While each attempt fails for the same reason, that is said once.
func (v *viewer) failure(a pending, now time.Time) {
	if a.lastFailure == "" || v.told[a.key] == a.lastFailure {
		return
	}
	v.told[a.key] = a.lastFailure
	v.tell(event{kind: eventFailure, text: a.failure(), detail: failureDetail{a.kind, a.failedAttempt(), a.lastFailure}}, now)
}

// position says now and then where a running epoch is.
func (v *viewer) position(activities []pending, now time.Time) {
	for _, a := range activities {
		fresh := v.interval > 0 || !a.beat.Equal(v.beat)
		if a.running && a.heartbeat != nil && fresh && now.Sub(v.moved) >= v.interval {
			v.tell(heartbeatEvent(*a.heartbeat), now)
			v.moved, v.beat = now, a.beat
			return
		}
	}
}

// failedAttempt is the one before this one.
func (a pending) failedAttempt() int32 { return max(1, a.attempt-1) }

// failure says why the attempt before this one has failed.
func (a pending) failure() string {
	return fmt.Sprintf("%s: attempt %d failed: %s; it is tried again, from the last checkpoint",
		a.kind, a.failedAttempt(), a.lastFailure)
}

func noWorker(silence error) string {
	return fmt.Sprintf("no worker answers; the experiment goes on when one does (%v)", silence)
}
