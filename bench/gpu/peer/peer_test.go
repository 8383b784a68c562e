package peer

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/bench/gpu/result"
)

// script stands for peer_gpu.py. Its modes differ in what they do after the start.
const script = `
if [ "$1" = modes ]; then echo '["broken", "late", "slow", "fast", "dies"]'; exit; fi
case $2 in
broken) echo 'no compiler' >&2; exit 1 ;;
late) sleep 60 & wait ;;
fast) seconds=0.5; echo 'skipping cudagraphs due to mutated inputs' >&2 ;;
slow) seconds=4 ;;
dies) seconds=0.25 ;;
esac
echo '{"parameters":1,"version":"shell"}'
while read -r steps; do
  asked=$((asked + 1))
  if [ "$2" = dies ] && [ $asked -gt 3 ]; then echo 'out of memory' >&2; exit 1; fi
  echo "{\"seconds\":$seconds}"
done`

func settings(t *testing.T, script string) Settings {
	t.Helper()
	path := filepath.Join(t.TempDir(), "peer")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o644))
	return Settings{Python: "/bin/sh", Script: path, Device: "cpu", Keep: 2, Limit: time.Second}
}

// read are the figures as they are after the last of them.
func read(t *testing.T, out *bytes.Buffer) map[string]result.Figure {
	t.Helper()
	figures, err := result.Read(out)
	require.NoError(t, err)
	of := map[string]result.Figure{}
	for _, f := range figures {
		of[f.Of] = f
	}
	return of
}

func TestModesThatFailLeaveTheOthersToRun(t *testing.T) {
	s := settings(t, script)
	modes, err := s.Modes(t.Context())
	require.NoError(t, err)
	var out, log bytes.Buffer
	start := time.Now()
	c := NewContest(s, &log)
	require.NoError(t, c.Enter(t.Context(), modes, "{}", 10, 8, &out))
	require.Less(t, time.Since(start), 15*time.Second, "the late one's child does not keep it")
	tried := read(t, &out)
	require.Contains(t, tried["broken"].Note, "no compiler")
	require.Contains(t, tried["late"].Note, "does not run: it was ended, as it took longer than 1s")
	require.Equal(t, 20.0, tried["slow"].Value)
	require.Contains(t, tried["fast"].Note, "skipping cudagraphs")
	require.Contains(t, log.String(), "skipping cudagraphs")

	require.NoError(t, c.Round(t.Context(), 100))
	mode, seconds, ok := c.Fastest()
	require.True(t, ok)
	require.Equal(t, "dies", mode)
	require.Equal(t, 0.25, seconds)
	require.NoError(t, c.Round(t.Context(), 100), "one that fails does not end the others")
	require.NoError(t, result.Write(&out, c.Figures(800)...))
	c.Close()
	figures := read(t, &out)
	require.Len(t, figures, 2, "the slow one was not kept")
	require.Equal(t, 2, figures["fast"].Rounds)
	require.Equal(t, 1600.0, figures["fast"].Value)
	require.Equal(t, 1, figures["dies"].Rounds)
	require.Equal(t, 3200.0, figures["dies"].Value)
	require.Contains(t, figures["dies"].Note, "ended after 1 rounds")
	require.Contains(t, figures["dies"].Note, "out of memory")
}

func TestOnlyTheModesAskedFor(t *testing.T) {
	s := settings(t, script)
	s.Only = []string{"fast"}
	modes, err := s.Modes(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"fast"}, modes)
	s.Only = []string{"faster"}
	_, err = s.Modes(t.Context())
	require.ErrorContains(t, err, `--mode "faster": there is no such mode of PyTorch, but ["broken"`)
	s = settings(t, "echo 'No module named peer' >&2; exit 1")
	_, err = s.Modes(t.Context())
	require.ErrorContains(t, err, "No module named peer")
}

func TestNoModeRuns(t *testing.T) {
	s := settings(t, script)
	c := NewContest(s, io.Discard)
	defer c.Close()
	require.NoError(t, c.Enter(t.Context(), []string{"broken"}, "{}", 10, 8, io.Discard))
	require.NoError(t, c.Round(t.Context(), 100))
	_, _, ok := c.Fastest()
	require.False(t, ok)
	require.Empty(t, c.Figures(800))
}

func TestContestIsInterrupted(t *testing.T) {
	s := settings(t, script)
	s.Limit = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	c := NewContest(s, io.Discard)
	require.ErrorIs(t, c.Enter(ctx, []string{"late", "fast"}, "{}", 10, 8, &out), context.DeadlineExceeded)
	c.Close()
	require.Empty(t, out.String(), "a mode that was interrupted is not one that does not run")
}
