package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// envRequire set to 1 makes a missing server a failure instead of a skipped test.
const envRequire = "TWINVIEW_REQUIRE_SERVERS"

// A few rounds with all kinds of harm, each once, end as the undisturbed run does. `make chaos` plays more.
func TestEveryKindOfHarm(t *testing.T) {
	// Other packages are tested at the same time, so the limits are wide.
	o := settings{store: minioName, dir: t.TempDir(), programs: t.TempDir(), limit: 6 * time.Minute, takeOver: time.Minute}
	if store := os.Getenv("TWINVIEW_STORE"); store != "" {
		o.store = store
	}
	for _, name := range []string{"temporal", o.store} {
		if _, err := findServer(name); err != nil && os.Getenv(envRequire) != "1" {
			t.Skip(err)
		}
	}
	for name, cgo := range map[string]string{"worker": "1", "starter": "0"} {
		c := exec.Command("go", "build", "-o", filepath.Join(o.programs, name), "./"+name)
		c.Dir, c.Env = "..", append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	s, err := startStack(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(s.close)
	outcomes, err := s.playAll(t.Context(), t.Output(), everyKind(1))
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, writeTable(&table, outcomes))
	t.Log(table.String())
	for _, o := range outcomes {
		require.Empty(t, o.problems, o.plan)
	}
}
