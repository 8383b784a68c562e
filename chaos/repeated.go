package main

import (
	"strings"
	"time"

	"twinview/experiment"
)

// maxRepeated is how much work one harm may cost.
const maxRepeated = time.Minute

// try is one attempt at an activity, as the logs tell it.
type try struct {
	begin, end time.Time
	// checkpoint is the key of the one that it went on from; empty, it began anew.
	checkpoint string
	// recorded says that the work was done when it began.
	recorded bool
}

// history is what the events tell of attempts.
type history struct {
	// tries are the attempts at each activity, in the order in which they began, running the last one of each worker.
	tries   map[string][]*try
	running map[[2]string]*try
	// taken is when each object was first sent.
	taken map[string]time.Time
	// recorded are the epochs that have a record.
	recorded map[string]bool
}

// repeatedWork is, for each attempt that did again what an earlier one had done, the time that this had taken. An attempt that
// goes on from a checkpoint repeats what the one before it did after that was taken; one that begins anew, all that was done
// before; one that finds the work recorded, nothing. Waiting counts as work, so it is an upper bound.
func repeatedWork(events []event) []time.Duration {
	h := history{map[string][]*try{}, map[[2]string]*try{}, map[string]time.Time{}, map[string]bool{}}
	for _, e := range events {
		h.read(e)
	}
	var repeated []time.Duration
	for activity, tries := range h.tries {
		if strings.HasPrefix(activity, experiment.ActivityPruneCheckpoints) { // several of it are no repetition
			continue
		}
		var done time.Duration
		for i, t := range tries {
			if i > 0 {
				repeated = append(repeated, h.again(t, tries[i-1], done))
			}
			done += max(0, t.end.Sub(t.begin))
		}
	}
	return repeated
}

func (h *history) read(e event) {
	activity := e.Fields["ActivityType"] + " " + placeOf(e).String()
	switch e.What {
	case eventPut:
		if _, again := h.taken[e.Fields["key"]]; !again {
			h.taken[e.Fields["key"]] = e.At
		}
	case eventAccepted, eventRemove:
		if what, where := classify(e.Fields["key"]); what == targetRecord {
			h.recorded[where.String()] = e.What == eventAccepted
			if e.What == eventRemove {
				h.withdraw(where)
			}
		}
	case "begin":
		t := &try{begin: e.At, recorded: h.recorded[placeOf(e).String()]}
		h.tries[activity] = append(h.tries[activity], t)
		h.running[[2]string{e.Source, activity}] = t
	case "go on inside the epoch":
		_, where := classify(e.Fields["checkpoint"])
		if t := h.running[[2]string{e.Source, e.Fields["ActivityType"] + " " + where.String()}]; t != nil {
			t.checkpoint = e.Fields["checkpoint"]
		}
	case "end", "attempt failed":
		if t := h.running[[2]string{e.Source, activity}]; t != nil {
			t.end = e.At
			delete(h.running, [2]string{e.Source, activity})
		}
	case eventEnded:
		for who, t := range h.running {
			if who[0] == e.Source {
				t.end = e.At
				delete(h.running, who)
			}
		}
	}
}

// withdraw has the attempts that found the epoch recorded do it again: one of them has found its checkpoint lost.
func (h *history) withdraw(where place) {
	for who, t := range h.running {
		if strings.HasSuffix(who[1], " "+where.String()) {
			t.recorded = false
		}
	}
}

// again is what an attempt does once more. done is what all before it took.
func (h *history) again(t, before *try, done time.Duration) time.Duration {
	if t.recorded {
		return 0
	}
	if t.checkpoint == "" {
		return done
	}
	end := before.end
	if end.IsZero() || end.After(t.begin) { // they ran side by side
		end = t.begin
	}
	return max(0, end.Sub(h.taken[t.checkpoint]))
}

// longest is the greatest of some durations, 0 of none.
func longest(all []time.Duration) (most time.Duration) {
	for _, d := range all {
		most = max(most, d)
	}
	return most
}
