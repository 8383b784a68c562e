package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestListIsATable(t *testing.T) {
	var out bytes.Buffer
	ended := noon.Add(90 * time.Second)
	require.NoError(t, writeList(&out, []overview{
		{Name: "second", Status: "running", Started: noon},
		{Name: "first", Status: "finished", Started: noon, Ended: &ended},
	}, noon.Add(5*time.Second)))
	require.Equal(t, `NAME    STATUS    STARTED              TOOK
second  running   2026-01-01 12:00:00  5s
first   finished  2026-01-01 12:00:00  1m30s
`, out.String())
}

func TestEmptyListSaysWhatToDo(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeList(&out, nil, noon))
	require.Contains(t, out.String(), "starter run SPEC")
}
