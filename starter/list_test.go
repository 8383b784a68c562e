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
		{Name: "second", Status: "paused", Started: noon, Stage: "pretrain", Method: "simclr", Dataset: "cifar10", Diverged: true,
			Loss: new(4.5), BestAccuracy: new(0.31)},
		{Name: "first", Status: "finished", Started: noon.Add(-72 * time.Hour), Ended: &ended},
	}, false, noon.Add(5*time.Second)))
	require.Equal(t, `NAME    STATUS    STAGE      ACCURACY  LOSS    METHOD  DATASET  AGE  TOOK
second  paused    pretrain*  31.00 %   4.5000  simclr  cifar10  5s   5s
first   finished  –          –         –       –       –        3d   72h1m30s
`, out.String())
}

func TestEmptyListSaysWhatToDo(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeList(&out, nil, false, noon))
	require.Contains(t, out.String(), "starter run SPEC")
	out.Reset()
	require.NoError(t, writeList(&out, nil, true, noon))
	require.Contains(t, out.String(), "no such experiments")
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		59 * time.Second: "59s", time.Hour - 1: "59m", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		require.Equal(t, want, age(d))
	}
}
