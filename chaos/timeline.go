package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is something that was seen from outside: a line of a worker's log, an object on its way, harm done.
type event struct {
	At time.Time `json:"at"`
	// Source is the worker ("worker 3"), "store" or "harm".
	Source string `json:"source"`
	// What is the log's message, one of the store's events below, or the harm.
	What   string            `json:"what"`
	Fields map[string]string `json:"fields,omitempty"`
}

// Events of the store; their fields are "key" and "sha256".
const (
	eventPut          = "put"          // somebody begins to send an object
	eventAccepted     = "accepted"     // the store says that it has it
	eventAcknowledged = "acknowledged" // and the one who sent it was told
	eventRemove       = "remove"       // somebody asks for its removal
)

// fieldDamaged is the field with the key of an object that harm has altered.
const fieldDamaged = "damaged"

// eventEnded is the end of a worker's process.
const eventEnded = "ended"

func (e event) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %-9s %s", e.At.Format("15:04:05.000"), e.Source, e.What)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		fmt.Fprintf(&text, " %s=%s", name, e.Fields[name])
	}
	return text.String()
}

// timeline holds all events in the order in which they became known. Its methods may be called side by side.
type timeline struct {
	mu      sync.Mutex
	events  []event
	changed chan struct{}
}

func newTimeline() *timeline { return &timeline{changed: make(chan struct{})} }

func (t *timeline) add(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
	close(t.changed)
	t.changed = make(chan struct{})
}

// now is the index of the next event.
func (t *timeline) now() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.events)
}

// since are the events from that index on, and a channel that is closed when there are more.
func (t *timeline) since(from int) ([]event, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events[min(from, len(t.events)):len(t.events):len(t.events)], t.changed
}

// await returns the first wanted event from an index on.
func (t *timeline) await(ctx context.Context, from int, wanted func(event) bool) (event, error) {
	for {
		events, changed := t.since(from)
		if i := slices.IndexFunc(events, wanted); i >= 0 {
			return events[i], nil
		}
		from += len(events)
		select {
		case <-changed:
		case <-ctx.Done():
			return event{}, context.Cause(ctx)
		}
	}
}

// writeEvents writes them as JSON lines.
func writeEvents(w io.Writer, events []event) error {
	encoder := json.NewEncoder(w)
	for _, e := range events {
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return nil
}
