package main

import (
	"fmt"
	"io"
	"time"
)

// viewer writes an experiment's course in lines.
type viewer struct {
	w        io.Writer
	narrator narrator
	// told holds the last failure told of each activity.
	told map[string]string
	// quiet is the present time without an answer.
	quiet struct {
		since time.Time
		told  bool
	}
	// plain is when the last line about a running epoch was printed.
	plain time.Time
}

func (v *viewer) show(o observation, now time.Time) {
	if o.progress != nil {
		v.heard()
		for _, line := range v.narrator.tell(*o.progress, now) {
			v.line(line)
			v.plain = now
		}
	} else if o.silence != nil {
		v.silent(noWorker(o.silence), now)
	}
	for _, a := range o.activities {
		v.failure(a)
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
		v.line(text)
	}
}

func (v *viewer) heard() {
	if v.quiet.told {
		v.line("there is an answer again")
	}
	v.quiet.told, v.quiet.since = false, time.Time{}
}

// failure says why an attempt has failed. While each attempt fails for the same reason, that is said once.
func (v *viewer) failure(a pending) {
	if a.lastFailure == "" || v.told[a.key] == a.lastFailure {
		return
	}
	v.told[a.key] = a.lastFailure
	v.line(a.failure())
}

// position says now and then where a running epoch is.
func (v *viewer) position(activities []pending, now time.Time) {
	for _, a := range activities {
		if a.running && a.heartbeat != nil && now.Sub(v.plain) >= plainInterval {
			v.line(heartbeatLine(*a.heartbeat))
			v.plain = now
			return
		}
	}
}

func (v *viewer) line(text string) { fmt.Fprintln(v.w, text) }

// failure says why the attempt before this one has failed.
func (a pending) failure() string {
	return fmt.Sprintf("%s: attempt %d failed: %s; it is tried again, from the last checkpoint",
		a.kind, max(1, a.attempt-1), a.lastFailure)
}

func noWorker(silence error) string {
	return fmt.Sprintf("no worker answers; the experiment goes on when one does (%v)", silence)
}
