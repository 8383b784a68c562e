package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/layout"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// startStore runs an object store and lets the environment name it.
func startStore(t *testing.T) *storage.Store {
	t.Helper()
	config := storagetest.Start(t)
	s, err := storage.Open(t.Context(), config)
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()))
	for name, value := range map[string]string{
		storage.EnvEndpoint: config.Endpoint, storage.EnvAccessKey: config.AccessKey, storage.EnvSecretKey: config.SecretKey,
		storage.EnvBucket: config.Bucket,
	} {
		t.Setenv(name, value)
	}
	return s
}

// gcFiles are those of an experiment to which everything has happened: those that must stay, those that no experiment needs,
// and those that a running one may need.
var gcFiles = struct{ kept, superseded, unrecorded []string }{
	kept: []string{
		"metrics.json", "pretrain/epoch-0001.json", "pretrain/epoch-0001.safetensors", "report.html", "simclr_best_epoch.pt", "spec.yaml",
	},
	superseded: []string{
		"pretrain/epoch-0001.0123456789ab.safetensors", "pretrain/epoch-0001.partial/step-000007-attempt-1-a.json",
		"pretrain/epoch-0001.partial/step-000007-attempt-1-a.safetensors",
	},
	unrecorded: []string{
		"pretrain/epoch-0007.partial/step-000007-attempt-1-a.json", "pretrain/epoch-0007.partial/step-000007-attempt-1-a.safetensors",
		"pretrain/epoch-0007.safetensors",
	},
}

func putAll(t *testing.T, s *storage.Store, name string) {
	t.Helper()
	for _, file := range append(append(append([]string{}, gcFiles.kept...), gcFiles.superseded...), gcFiles.unrecorded...) {
		text := "this is " + file
		if file == "pretrain/epoch-0001.json" {
			text = fmt.Sprintf(`{"version":1,"artifact":{"key":%q}}`, layout.Key(name, "pretrain/epoch-0001.safetensors"))
		}
		_, err := s.Put(t.Context(), layout.Key(name, file), []byte(text), "text/plain")
		require.NoError(t, err)
	}
}

func stored(t *testing.T, s *storage.Store, name string) (files []string) {
	t.Helper()
	objects, err := s.Objects(t.Context(), layout.Key(name)+"/")
	require.NoError(t, err)
	for _, o := range objects {
		files = append(files, strings.TrimPrefix(o.Key, layout.Key(name)+"/"))
	}
	return files
}

func TestGCRemovesWhatNothingRefersTo(t *testing.T) {
	at := startExperiments(t)
	s := startStore(t)
	spec := writeSpec(t, goodSpec)
	_, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err)
	_, err = starter(t, at, "run", spec, "--name", "going", "--set", "seed=99")
	require.NoError(t, err)
	_, err = starter(t, at, "run", spec, "--name", "broken", "--set", "seed=13", "--watch")
	require.Error(t, err)
	for _, name := range []string{"first", "going", "broken", "forgotten"} {
		putAll(t, s, name)
	}
	// The result of the finished experiment names this one, though it has no record.
	named := testResult().Best.Checkpoint.Key
	_, err = s.Put(t.Context(), named, []byte("selected"), "text/plain")
	require.NoError(t, err)

	out, err := starter(t, at, "gc")
	require.NoError(t, err)
	require.Contains(t, out, "going (running): nothing", "all was written within the hour")
	require.Contains(t, out, "removed 0 B in 0 objects")

	before := stored(t, s, "forgotten")
	out, err = starter(t, at, "gc", "--older-than", "1ms", "--dry-run", "forgotten")
	require.NoError(t, err)
	require.Contains(t, out, "forgotten (not known to Temporal): would remove\n")
	require.Contains(t, out, "in 6 objects")
	require.Equal(t, before, stored(t, s, "forgotten"))

	out, err = starter(t, at, "gc", "--older-than", "1ms", "--dry-run", "forgotten", "-o", "json")
	require.NoError(t, err)
	var told collection
	require.NoError(t, json.Unmarshal([]byte(out), &told))
	require.Equal(t, 6, told.Objects)
	require.Len(t, told.Experiments, 1)
	require.Equal(t, "not known to Temporal", told.Experiments[0].State)
	require.Len(t, told.Experiments[0].Removed, 6)

	out, err = starter(t, at, "gc", "--older-than", "1ms")
	require.NoError(t, err)
	require.Contains(t, out, "first (finished): removed\n")
	require.Contains(t, out, "going (running): removed\n")
	require.Contains(t, out, "broken (failed): removed\n")
	require.Contains(t, out, "  pretrain/epoch-0001.0123456789ab.safetensors  52 B\n")
	require.Contains(t, out, "in 21 objects\n")
	require.ElementsMatch(t, append([]string{strings.TrimPrefix(named, "experiments/first/")}, gcFiles.kept...), stored(t, s, "first"))
	require.ElementsMatch(t, append(append([]string{}, gcFiles.kept...), gcFiles.unrecorded...), stored(t, s, "going"))
	require.ElementsMatch(t, gcFiles.kept, stored(t, s, "broken"))
	require.ElementsMatch(t, gcFiles.kept, stored(t, s, "forgotten"))

	out, err = starter(t, at, "gc", "--older-than", "1ms")
	require.NoError(t, err)
	require.Contains(t, out, "removed 0 B in 0 objects", "once is enough")
}

// An experiment that can't be judged is left as it is, by name, and the others are seen to.
func TestGCSaysWhatItCannotJudge(t *testing.T) {
	noServers(t)
	at := startExperiments(t)
	s := startStore(t)
	putAll(t, s, "good")
	putAll(t, s, "newer")
	key := layout.Key("newer", "pretrain/epoch-0001.json")
	require.NoError(t, s.Remove(t.Context(), key))
	_, err := s.Put(t.Context(), key, []byte(`{"version":99}`), "text/plain")
	require.NoError(t, err)
	before := stored(t, s, "newer")

	out, err := starter(t, at, "gc", "--older-than", "1ms", "newer", "missing", "good")
	require.ErrorContains(t, err, "newer is left as it is")
	require.ErrorContains(t, err, "of format version 99: this program reads version 1 only")
	require.ErrorContains(t, err, `no files of an experiment "missing"`)
	require.Contains(t, out, "in 6 objects")
	require.Equal(t, before, stored(t, s, "newer"))
	require.ElementsMatch(t, gcFiles.kept, stored(t, s, "good"))

	out, err = starter(t, at, "gc", "--older-than", "1ms", "newer", "-o", "json")
	require.Error(t, err)
	require.Contains(t, out, "of format version 99")

	_, err = starter(t, at, "gc", "--older-than", "0s")
	require.ErrorContains(t, err, "must be above 0")
	_, err = starter(t, at, "gc", "../datasets")
	require.ErrorContains(t, err, "is no name of an experiment")
}

func TestArtifactsInAResultAreAll(t *testing.T) {
	all, err := artifactsIn(testResult())
	require.NoError(t, err)
	var keys []string
	for _, a := range all {
		keys = append(keys, a.Key)
	}
	require.Contains(t, keys, "experiments/first/pretrain/epoch-0002.safetensors")
	require.Contains(t, keys, "experiments/first/report.html")
}
