package main

import (
	"net/http"
	"slices"
	"sync"
)

// fault waits for a request and does something to it, once.
type fault struct {
	// wants says whether this is the request.
	wants func(*http.Request) bool
	// at is the part of the body, from 0 to 1, after which the request is held until release is closed. Only for requests
	// that are to be held, which have release.
	at      float64
	release chan struct{}
	// lost has the answer withheld when the server has done what it was asked for.
	lost bool
	// how the caller sees the loss.
	how loss
	// met is closed when the request is there, or held; happened, when its answer is withheld.
	met, happened chan struct{}
}

// loss is how a caller sees that an answer does not come.
type loss string

// Losses. All but silent are an error at once.
const (
	lossReset   loss = "connection reset"
	lossTimeout loss = "gateway time-out"
	lossSilent  loss = "no answer"
)

// newHold is a fault that holds a request half-way until it is released.
func newHold(at float64, wants func(*http.Request) bool) *fault {
	return &fault{wants: wants, at: at, release: make(chan struct{}), met: make(chan struct{}), happened: make(chan struct{})}
}

// newLoss is a fault that lets a request through and withholds its answer.
func newLoss(how loss, wants func(*http.Request) bool) *fault {
	return &fault{wants: wants, lost: true, how: how, met: make(chan struct{}), happened: make(chan struct{})}
}

// faults are those that wait for their request.
type faults struct {
	mu    sync.Mutex
	armed []*fault
}

func (f *faults) arm(one *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, one)
}

// disarm forgets a fault that has not met its request.
func (f *faults) disarm(one *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = slices.DeleteFunc(f.armed, func(other *fault) bool { return other == one })
}

// claim is the fault that waited for this request, or nil. It waits no more.
func (f *faults) claim(r *http.Request) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.armed, func(one *fault) bool { return one.wants(r) })
	if i < 0 {
		return nil
	}
	one := f.armed[i]
	f.armed = slices.Delete(f.armed, i, i+1)
	return one
}
