package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFilterBecomesAQuery(t *testing.T) {
	f := filter{stage: "pretrain", method: "simclr", status: "paused", since: "36h", query: "BestAccuracy > 0.5 OR Loss < 1"}
	require.Equal(t, "WorkflowType = 'Experiment' AND ExecutionStatus = 'Running' AND StartTime >= '2025-12-31T00:00:00Z' AND "+
		"(BestAccuracy > 0.5 OR Loss < 1) AND Stage = 'pretrain' AND Method = 'simclr' AND Paused = true", f.web(noon))
	require.Contains(t, f.list(noon, true), " AND (Stage = 'pretrain' OR Stage IS NULL) AND ")
	require.NotContains(t, f.list(noon, false), "Stage", "a server without the attribute would refuse the query")
	require.Equal(t, "WorkflowType = 'Experiment'", (&filter{}).list(noon, true))
}

func TestSinceTakesTimesAsPeopleSayThem(t *testing.T) {
	for since, want := range map[string]time.Time{
		"": {}, "90m": noon.Add(-90 * time.Minute), "7d": noon.AddDate(0, 0, -7), "0.5d": noon.Add(-12 * time.Hour),
		"2025-12-30": time.Date(2025, 12, 30, 0, 0, 0, 0, time.Local), "2025-12-30T10:00:00Z": time.Date(2025, 12, 30, 10, 0, 0, 0, time.UTC),
	} {
		at, err := (&filter{since: since}).begun(noon)
		require.NoError(t, err)
		require.True(t, want.Equal(at), "%s: %s", since, at)
	}
}

func TestFilterRefusesWhatMakesNoSense(t *testing.T) {
	for _, test := range []struct {
		f    filter
		want string
	}{
		{filter{limit: 1, status: "asleep"}, `--status: "asleep" is none: must be one of running, paused, finished, failed, stopped`},
		{filter{limit: 1, stage: "later"}, `--stage: "later" is none: must be one of prepare, pretrain`},
		{filter{limit: 1, sort: "size"}, `--sort: "size" is none`},
		{filter{limit: 1, method: "x' OR 1=1"}, "--method"},
		{filter{limit: 0}, "--limit: 0 is out of range"},
		{filter{limit: 1, since: "yesterday"}, `--since: "yesterday" is no time: must be as in 36h`},
		{filter{limit: 1, since: "-3h"}, "--since"},
	} {
		require.ErrorContains(t, test.f.check(noon), test.want)
	}
	require.NoError(t, (&filter{limit: 1, status: "paused", stage: "pretrain", sort: "loss", since: "7d", dataset: "cifar10"}).check(noon))
}

func TestFilterLetsThroughWhatIsAskedFor(t *testing.T) {
	o := overview{Status: "paused", Stage: "pretrain", Method: "simclr", Dataset: "cifar10"}
	for _, f := range []filter{{}, {status: "paused"}, {stage: "pretrain", method: "simclr", dataset: "cifar10"}} {
		require.True(t, f.lets(o), "%+v", f)
	}
	for _, f := range []filter{{status: "running"}, {stage: "test"}, {method: "barlow_twins"}, {dataset: "synthetic"}} {
		require.False(t, f.lets(o), "%+v", f)
	}
	require.True(t, (&filter{status: "stopped"}).lets(overview{Status: "terminated"}), "Temporal has seen to that")
}

func TestFilterSorts(t *testing.T) {
	all := []overview{
		{Name: "b", Stage: "pretrain", Loss: new(3.0)},
		{Name: "c", Stage: "done", Loss: new(2.0), BestAccuracy: new(0.8)},
		{Name: "a", BestAccuracy: new(0.9)},
	}
	for by, want := range map[string]string{"age": "bca", "accuracy": "acb", "loss": "cba", "stage": "cba", "name": "abc"} {
		sorted := append([]overview(nil), all...)
		(&filter{sort: by}).order(sorted)
		names := ""
		for _, o := range sorted {
			names += o.Name
		}
		require.Equal(t, want, names, by)
	}
}
