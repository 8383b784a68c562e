//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// terminal is one that collects what is written to it.
type terminal struct {
	user, program *os.File

	mu   sync.Mutex
	text bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	user, program, err := pty.Open()
	if err != nil {
		t.Skip("this system gives no terminal to test with: ", err)
	}
	require.NoError(t, pty.Setsize(user, &pty.Winsize{Rows: 24, Cols: 80}))
	o := &terminal{user: user, program: program}
	t.Cleanup(func() { user.Close(); program.Close() })
	go func() {
		chunk := make([]byte, 4096)
		for {
			n, err := user.Read(chunk)
			o.mu.Lock()
			o.text.Write(chunk[:n])
			o.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	// What is typed comes from there too.
	before := os.Stdin
	os.Stdin = program
	t.Cleanup(func() { os.Stdin = before })
	t.Setenv("TERM", "xterm-256color")
	return o
}

func (o *terminal) written() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *terminal) await(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(o.written(), text) }, 10*time.Second, 10*time.Millisecond, text)
}

const (
	altScreen   = "\x1b[?1049h"
	altScreenNo = "\x1b[?1049l"
	showCursor  = "\x1b[?25h"
)

func TestWatchOnATerminal(t *testing.T) {
	for name, end := range map[string]func(*terminal, context.CancelFunc){
		"Ctrl-C": func(o *terminal, _ context.CancelFunc) { _, _ = o.user.Write([]byte{3}) },
		"q":      func(o *terminal, _ context.CancelFunc) { _, _ = o.user.Write([]byte("q")) },
		"signal": func(_ *terminal, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			o := openTerminal(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- watch(ctx, &script{seeing(inStage(experiment.StagePretrain, 1))}, o.program, "first") }()
			o.await(t, altScreen)
			o.await(t, "pretrain")
			// A new size draws everything again.
			require.NoError(t, pty.Setsize(o.user, &pty.Winsize{Rows: 30, Cols: 120}))
			end(o, cancel)
			select {
			case err := <-ended:
				require.ErrorIs(t, err, errInterrupted)
				require.ErrorContains(t, err, "starter watch first")
			case <-time.After(10 * time.Second):
				t.Fatal("still watching:", o.written())
			}
			o.await(t, altScreenNo)
			o.await(t, showCursor)
		})
	}
}

func TestWatchOnATerminalEndsWithTheResults(t *testing.T) {
	o := openTerminal(t)
	s := script{seeing(inStage(experiment.StagePretrain, 1)), seeing(atTheEnd(t))}
	require.NoError(t, watch(t.Context(), &s, o.program, "first"))
	o.await(t, "experiments/first/report.html")
	text := o.written()
	require.Greater(t, strings.Index(text, "experiments/first/report.html"), strings.LastIndex(text, altScreenNo),
		"they stay when the screen is as it was")
}

func TestWatchOnADumbTerminalWritesLines(t *testing.T) {
	o := openTerminal(t)
	t.Setenv("TERM", "dumb")
	s := script{seeing(atTheEnd(t))}
	require.NoError(t, watch(t.Context(), &s, o.program, "first"))
	o.await(t, "pretrain  begins: 2 epochs")
	require.NotContains(t, o.written(), "\x1b[")
}
