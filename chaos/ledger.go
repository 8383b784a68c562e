package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"twinview/experiment"
	"twinview/layout"
	"twinview/storage"
)

// ledger is what became of a round's objects, each key counted once.
type ledger struct {
	checkpoints, others account
	// lost are objects that the store said it had, or that the result names, and that are not there with their bytes,
	// though nobody asked for their removal.
	lost []string
	// unexpected are objects that nothing refers to, or that hold other bytes than their digest says.
	unexpected []string
	// files are the keys, below the experiment's folder, of all that is no checkpoint.
	files map[string]bool
}

// account counts objects.
type account struct {
	// attempted were sent, acknowledged when the sender was told that they are there, removed by the experiment itself.
	attempted, acknowledged, removed int
	// readBack were there with their bytes at the end.
	readBack int
}

func (a *account) add(b account) {
	a.attempted += b.attempted
	a.acknowledged += b.acknowledged
	a.removed += b.removed
	a.readBack += b.readBack
}

// object is what is known of one key.
type object struct {
	attempted, acknowledged, removed bool
	// accepted is the digest of the bytes that the store has said it has; empty, none.
	accepted string
}

// account compares what was seen on the way to the store, and what the result names, with what is there.
func (r *round) account(ctx context.Context, events []event, result *experiment.Result) (ledger, error) {
	l := ledger{files: map[string]bool{}}
	objects, damaged := objectsOf(events, "experiments/"+r.name()+"/"), damagedIn(events)
	stored, err := r.objects.List(ctx, "experiments/"+r.name()+"/")
	if err != nil {
		return l, err
	}
	intact := map[string]string{}
	for _, a := range stored {
		switch _, err := r.objects.Get(ctx, a); {
		case err == nil:
			intact[a.Key] = a.SHA256
			l.of(a.Key).readBack++
			if l.of(a.Key) == &l.others {
				l.files[strings.TrimPrefix(a.Key, "experiments/"+r.name()+"/")] = true
			}
		case errors.Is(err, storage.ErrCorrupt) && damaged[a.Key]:
			// By harm: nobody has needed it since, or it was set aside.
			intact[a.Key] = a.SHA256
		case errors.Is(err, storage.ErrCorrupt):
			l.unexpected = append(l.unexpected, err.Error())
		default:
			return l, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		o := objects[key]
		l.of(key).add(o.count())
		if o.accepted != "" && !o.removed && intact[key] != o.accepted {
			l.lost = append(l.lost, fmt.Sprintf("%s: the store had SHA-256 %s and has %q", key, o.accepted, intact[key]))
		}
	}
	named, err := artifactsIn(result)
	if err != nil {
		return l, err
	}
	for _, a := range named {
		if !strings.HasPrefix(a.Key, "experiments/") || intact[a.Key] == a.SHA256 || objects[a.Key].removed {
			continue
		}
		l.lost = append(l.lost, fmt.Sprintf("%s: the result says SHA-256 %s and the store has %q", a.Key, a.SHA256, intact[a.Key]))
	}
	// All workers have stopped, so nobody is about to record anything.
	known := layout.Known{Referenced: named, Ended: true}
	left, err := layout.Leftovers(ctx, r.objects, r.name(), known, time.Nanosecond)
	for _, o := range left {
		if damaged[o.Key] {
			continue
		}
		l.unexpected = append(l.unexpected, o.Key+": nothing refers to it")
	}
	return l, err
}

// of is the account of a key's kind.
func (l *ledger) of(key string) *account {
	if strings.HasSuffix(key, ".safetensors") {
		return &l.checkpoints
	}
	return &l.others
}

// damagedIn are the keys of the objects that harm has altered, and those under which they are set aside where that is found.
func damagedIn(events []event) map[string]bool {
	damaged := map[string]bool{}
	for _, e := range events {
		key, found := e.Fields[fieldDamaged]
		if elements := strings.SplitN(key, "/", 3); found && len(elements) == 3 {
			damaged[key], damaged[path.Join(elements[0], elements[1], "corrupt", elements[2])] = true, true
		}
	}
	return damaged
}

// objectsOf is what the events tell of the objects under a prefix.
func objectsOf(events []event, prefix string) map[string]object {
	objects := map[string]object{}
	for _, e := range events {
		key := e.Fields["key"]
		if e.Source != "store" || !strings.HasPrefix(key, prefix) {
			continue
		}
		o := objects[key]
		switch e.What {
		case eventPut:
			o.attempted = true
		case eventAccepted:
			o.accepted, o.removed = e.Fields["sha256"], false
		case eventAcknowledged:
			o.acknowledged = true
		case eventRemove:
			o.removed = true
		}
		objects[key] = o
	}
	return objects
}

func (o object) count() account {
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return account{attempted: one(o.attempted), acknowledged: one(o.acknowledged), removed: one(o.removed)}
}

// artifactsIn lists all artifacts that a result names, wherever it does.
func artifactsIn(r *experiment.Result) ([]experiment.Artifact, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("look for artifacts in the result: %w", err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("look for artifacts in the result: %w", err)
	}
	var found []experiment.Artifact
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			key, isKey := node["key"].(string)
			digest, isDigest := node["sha256"].(string)
			if isKey && isDigest && key != "" {
				found = append(found, experiment.Artifact{Key: key, SHA256: digest})
			}
			for _, child := range node {
				walk(child)
			}
		case []any:
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(tree)
	return found, nil
}
