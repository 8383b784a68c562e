package layout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// shelf is a store whose objects were all written two hours ago, but for those that are young.
type shelf struct {
	objects map[string]string
	young   map[string]bool
	down    error
}

func (s shelf) Objects(_ context.Context, prefix string) ([]storage.Object, error) {
	var found []storage.Object
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		o := storage.Object{Key: key, Size: int64(len(s.objects[key])), Modified: time.Now().Add(-2 * time.Hour)}
		if s.young[key] {
			o.Modified = time.Now()
		}
		if strings.HasPrefix(key, prefix) {
			found = append(found, o)
		}
	}
	return found, nil
}

func (s shelf) Stat(_ context.Context, key string) (experiment.Artifact, error) {
	text := s.objects[key]
	return experiment.Artifact{Key: key, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text))), Size: int64(len(text))}, nil
}

func (s shelf) Get(_ context.Context, a experiment.Artifact) ([]byte, error) {
	return []byte(s.objects[a.Key]), s.down
}

func keysOf(t *testing.T, s shelf, known Known) []string {
	t.Helper()
	left, err := Leftovers(t.Context(), s, "tiny", known, time.Hour)
	require.NoError(t, err)
	var keys []string
	for _, o := range left {
		keys = append(keys, strings.TrimPrefix(o.Key, "experiments/tiny/"))
	}
	return keys
}

func recordOfArtifact(key string) string { return fmt.Sprintf(`{"artifact":{"key":%q}}`, key) }

func TestLeftovers(t *testing.T) {
	s := shelf{objects: map[string]string{}, young: map[string]bool{}}
	put := func(names ...string) {
		for _, name := range names {
			s.objects["experiments/tiny/"+name] = "something"
		}
	}
	record := func(name, artifact string) {
		s.objects["experiments/tiny/"+name] = recordOfArtifact("experiments/tiny/" + artifact)
	}
	put("spec.yaml", "metrics.json", "report.html", "simclr_best_epoch.pt", "simclr_best_epoch.safetensors", "plots/loss.svg",
		"test/exhibits.json", "embeddings/train.safetensors", "corrupt/pretrain/epoch-0002.safetensors")
	put("pretrain/epoch-0001.safetensors")
	record("pretrain/epoch-0001.json", "pretrain/epoch-0001.safetensors")
	record("pretrain/epoch-0002.json", "pretrain/epoch-0002.safetensors") // pruned: only its record is left
	put("pretrain/epoch-0003.0123456789ab.safetensors")
	record("pretrain/epoch-0003.json", "pretrain/epoch-0003.0123456789ab.safetensors")
	put("linear/heads.safetensors")
	record("linear/heads.json", "linear/heads.safetensors")
	put("ablation/scratch-0.01/epoch-0001.safetensors")
	record("ablation/scratch-0.01/epoch-0001.json", "ablation/scratch-0.01/epoch-0001.safetensors")
	s.objects["experiments/tiny2/pretrain/epoch-0001.safetensors"] = "another experiment's"
	s.objects["weights/0123"] = "everybody's"
	require.Empty(t, keysOf(t, s, Known{Ended: true}))

	// What recorded epochs have no use for goes whether the experiment runs or not.
	superseded := []string{
		"ablation/scratch-0.01/epoch-0001.partial/step-000001-attempt-1-a.safetensors",
		"pretrain/epoch-0001.partial/step-000120-attempt-1-a.json",
		"pretrain/epoch-0001.partial/step-000120-attempt-1-a.safetensors",
		"pretrain/epoch-0003.ba9876543210.safetensors",
		"pretrain/epoch-0003.safetensors",
	}
	put(superseded...)
	require.Equal(t, superseded, keysOf(t, s, Known{}))
	require.Equal(t, superseded, keysOf(t, s, Known{Ended: true}))
	for _, o := range superseded {
		referenced := []experiment.Artifact{{Key: "experiments/tiny/" + o}}
		require.NotContains(t, keysOf(t, s, Known{Referenced: referenced, Ended: true}), o, "what a result names stays")
	}
	for _, o := range superseded {
		delete(s.objects, "experiments/tiny/"+o)
	}

	// What an attempt may still record, or go on with, goes only after the end.
	unrecorded := []string{
		"finetune/epoch-0001.safetensors",
		"linear_augmented/epoch-0001.partial/step-000002-attempt-1-a.safetensors",
		"pretrain/epoch-0004.partial/step-000002-attempt-1-a.json",
		"pretrain/epoch-0004.partial/step-000002-attempt-1-a.safetensors",
		"pretrain/epoch-0004.safetensors",
	}
	put(unrecorded...)
	require.Empty(t, keysOf(t, s, Known{}))
	require.Equal(t, unrecorded, keysOf(t, s, Known{Ended: true}))
	s.young["experiments/tiny/finetune/epoch-0001.safetensors"] = true
	require.Equal(t, unrecorded[1:], keysOf(t, s, Known{Ended: true}), "written a moment ago")
}

func TestLeftoversRefusesToGuess(t *testing.T) {
	s := shelf{objects: map[string]string{}}
	for _, name := range []string{"", "a/b", ".", ".."} {
		_, err := Leftovers(t.Context(), s, name, Known{}, time.Hour)
		require.ErrorContains(t, err, "want the name of one experiment")
	}
	_, err := Leftovers(t.Context(), s, "tiny", Known{}, 0)
	require.ErrorContains(t, err, "want an age above 0")

	const epoch = "experiments/tiny/pretrain/epoch-0001"
	s.objects[epoch+".safetensors"] = "1"
	for text, want := range map[string]string{
		"{": "read record",
		`{"version":2,"artifact":"` + epoch + `.safetensors"}`: "format version 2",
		recordOfArtifact("experiments/other/epoch-0001.st"):    "no checkpoint beside it",
		recordOfArtifact(epoch + "./../../spec.yaml"):          "no checkpoint beside it",
		strings.Repeat(" ", jsonMost+1):                        "at most",
	} {
		s.objects[epoch+".json"] = text
		left, err := Leftovers(t.Context(), s, "tiny", Known{Ended: true}, time.Hour)
		require.ErrorContains(t, err, want)
		require.Empty(t, left)
	}
	s.objects[epoch+".json"] = recordOfArtifact(epoch + ".safetensors")
	s.down = storage.ErrUnreachable
	_, err = Leftovers(t.Context(), s, "tiny", Known{Ended: true}, time.Hour)
	require.True(t, errors.Is(err, storage.ErrUnreachable), "a record that can't be read may name anything")
}
