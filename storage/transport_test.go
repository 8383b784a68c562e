package storage

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection on which nothing moves is given up; one on which only the writer is busy is not.
func TestWatchedConn(t *testing.T) {
	t.Parallel()
	ours, peer := net.Pipe()
	defer peer.Close()
	conn := &watchedConn{ours, 200 * time.Millisecond}
	read := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	for range 10 {
		go conn.Write([]byte{1})
		_, err := peer.Read(make([]byte, 1))
		require.NoError(t, err)
		time.Sleep(50 * time.Millisecond)
	}
	require.ErrorIs(t, <-read, os.ErrDeadlineExceeded)
	require.Greater(t, time.Since(start), 600*time.Millisecond, "writes keep a waiting read alive")

	_, err := conn.Write([]byte{1})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "nobody takes it")
}
