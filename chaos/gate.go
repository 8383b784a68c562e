package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// silentFor is how long a gate that withholds an answer in silence keeps the caller waiting, if that waits so long.
const silentFor = 15 * time.Second

// errLost is the answer that is withheld.
var errLost = errors.New("the answer is lost")

// gate passes requests on to a server: it sees what is asked and what is answered, holds requests and loses answers. The
// client's signature stays good, as it sees the host's name that the client meant.
type gate struct {
	faults
	server   http.Server
	listener net.Listener
	// seen is told of requests before and after. It may be nil.
	seen func(r *http.Request, what string)
	// unavailable answers with the protocol's own error of a server that is not there.
	unavailable func(http.ResponseWriter)
}

// passage is one request on its way.
type passage struct {
	fault    *fault
	accepted bool
}

type passageKey struct{}

// newGate listens on a loopback port. protocols are those to speak on both sides.
func newGate(target string, protocols *http.Protocols) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a gate to %s: %w", target, err)
	}
	g := &gate{listener: l}
	transport := &http.Transport{Protocols: protocols, DisableCompression: true, MaxIdleConnsPerHost: 32}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: g.answered,
		ErrorHandler:   g.failed,
		FlushInterval:  -1,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	g.server = http.Server{Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { g.pass(proxy, w, r) },
	)}
	go g.server.Serve(l) // ends with close
	return g, nil
}

func (g *gate) address() string { return g.listener.Addr().String() }

func (g *gate) close() { g.server.Close() }

func (g *gate) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	p := &passage{fault: g.claim(r)}
	g.see(r, eventPut)
	if p.fault != nil {
		if p.fault.release != nil {
			r.Body = &heldBody{ReadCloser: r.Body, fault: p.fault, left: int64(p.fault.at * float64(r.ContentLength)), ctx: r.Context()}
		} else {
			close(p.fault.met)
		}
	}
	r = r.WithContext(context.WithValue(r.Context(), passageKey{}, p))
	proxy.ServeHTTP(w, r)
	if p.accepted && (p.fault == nil || !p.fault.lost) {
		g.see(r, eventAcknowledged)
	}
}

func (g *gate) see(r *http.Request, what string) {
	if g.seen != nil {
		g.seen(r, what)
	}
}

// answered is called when the server has answered.
func (g *gate) answered(response *http.Response) error {
	p := response.Request.Context().Value(passageKey{}).(*passage)
	p.accepted = response.StatusCode < 300
	if p.accepted {
		g.see(response.Request, eventAccepted)
	}
	if p.fault == nil || !p.fault.lost {
		return nil
	}
	// To its end: only then has the server done all of it.
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	return errLost
}

// failed is called when there is no answer to pass on.
func (g *gate) failed(w http.ResponseWriter, r *http.Request, err error) {
	p := r.Context().Value(passageKey{}).(*passage)
	how := lossReset
	if errors.Is(err, errLost) {
		how = p.fault.how
		close(p.fault.happened)
	} else if g.unavailable != nil && r.Context().Err() == nil {
		g.unavailable(w)
		return
	}
	switch how {
	case lossSilent:
		select {
		case <-time.After(silentFor):
		case <-r.Context().Done():
		}
	case lossTimeout:
		if g.unavailable != nil {
			g.unavailable(w)
		} else {
			w.WriteHeader(http.StatusGatewayTimeout)
		}
		return
	}
	panic(http.ErrAbortHandler) // has the server cut the connection
}

// heldBody stops in the middle until the fault is released.
type heldBody struct {
	io.ReadCloser
	ctx   context.Context
	fault *fault
	left  int64
	held  bool
}

func (b *heldBody) Read(p []byte) (int, error) {
	if b.left > 0 {
		n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		return n, err
	}
	if !b.held {
		b.held = true
		close(b.fault.met)
		select {
		case <-b.fault.release:
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		}
	}
	return b.ReadCloser.Read(p)
}

// newStoreGate is a gate to the object store that writes what it sees of the bucket into the timeline.
func newStoreGate(target, bucket string, t *timeline) (*gate, error) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	g, err := newGate(target, &protocols)
	if err != nil {
		return nil, err
	}
	g.seen = func(r *http.Request, what string) {
		key, found := strings.CutPrefix(r.URL.Path, "/"+bucket+"/")
		if !found || key == "" {
			return
		}
		switch {
		case r.Method == http.MethodPut:
		case r.Method == http.MethodDelete && what == eventPut:
			what = eventRemove
		default:
			return
		}
		t.add(event{time.Now(), "store", what, map[string]string{"key": key, "sha256": r.Header.Get("X-Amz-Meta-Sha256")}})
	}
	return g, nil
}

// newTemporalGate is a gate to Temporal. It speaks gRPC: HTTP/2 without encryption, the outcome in a trailer.
func newTemporalGate(target string) (*gate, error) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	g, err := newGate(target, &protocols)
	if err != nil {
		return nil, err
	}
	g.unavailable = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "14") // UNAVAILABLE
		w.Header().Set("Grpc-Message", "no answer from Temporal")
		w.WriteHeader(http.StatusOK)
	}
	return g, nil
}
