package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScreenWritesTheLiveLineOver(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, width: func() int { return 6 }}
	s.status("0123456789")
	s.status("λλλλλλλλ")
	s.line("stays, however long")
	s.clear()
	require.Equal(t, "01234\r\x1b[Kλλλλλ\r\x1b[Kstays, however long\n", out.String())
}

func TestScreenIsPlainInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	s := newScreen(f)
	s.status("step 1")
	s.line("epoch 1")
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "epoch 1\n", string(written))
}
