package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// behindGate is a server that counts what it was asked, and the gate to it.
func behindGate(t *testing.T) (asked *atomic.Int32, g *gate, line *timeline) {
	t.Helper()
	asked, line = new(atomic.Int32), newTimeline()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			asked.Add(1)
		}
	}))
	t.Cleanup(server.Close)
	g, err := newStoreGate(strings.TrimPrefix(server.URL, "http://"), "bucket", line)
	require.NoError(t, err)
	t.Cleanup(g.close)
	return asked, g, line
}

func put(t *testing.T, g *gate) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+g.address()+"/bucket/key", strings.NewReader("0123456789"))
	require.NoError(t, err)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err == nil {
		response.Body.Close()
	}
	return response, err
}

func whats(line *timeline) (all []string) {
	events, _ := line.since(0)
	for _, e := range events {
		all = append(all, e.What)
	}
	return all
}

func every(*http.Request) bool { return true }

// What is lost was done all the same, and the next request finds its answer.
func TestAnswerIsLost(t *testing.T) {
	for _, how := range []loss{lossReset, lossTimeout} {
		asked, g, line := behindGate(t)
		f := newLoss(how, every)
		g.arm(f)
		response, err := put(t, g)
		if how == lossReset {
			require.Error(t, err)
		} else {
			require.NoError(t, err)
			require.Equal(t, http.StatusGatewayTimeout, response.StatusCode)
		}
		<-f.happened
		require.EqualValues(t, 1, asked.Load())
		require.Equal(t, []string{eventPut, eventAccepted}, whats(line))
		response, err = put(t, g)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
}

// What is held has not arrived before it is released.
func TestRequestIsHeld(t *testing.T) {
	asked, g, _ := behindGate(t)
	f := newHold(0.5, every)
	g.arm(f)
	done := make(chan error)
	go func() {
		_, err := put(t, g)
		done <- err
	}()
	<-f.met
	require.Zero(t, asked.Load())
	close(f.release)
	require.NoError(t, <-done)
	require.EqualValues(t, 1, asked.Load())
}
