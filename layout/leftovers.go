package layout

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"twinview/experiment"
	"twinview/storage"
)

// Inventory is what Leftovers needs of the object store. *storage.Store implements it.
type Inventory interface {
	Objects(ctx context.Context, prefix string) ([]storage.Object, error)
	Stat(ctx context.Context, key string) (experiment.Artifact, error)
	Get(ctx context.Context, a experiment.Artifact) ([]byte, error)
}

// Known is what is known of an experiment beside its records.
type Known struct {
	// Referenced is what its result names.
	Referenced []experiment.Artifact
	// Ended says that none of its epochs is under way or will be gone on with.
	Ended bool
}

// Leftovers lists what failed attempts left of an experiment: training checkpoints, whole and inside epochs, that were written
// longer than age ago, by this machine's clock, and that nothing will ask for. That is
//
//   - what lies beside a recorded epoch and is not what the record names, as an epoch has one record;
//   - where the experiment has ended, also what belongs to no record at all.
//
// What known.Referenced names is never among them, nor is a record, what a record names, or any file that is kept for people:
// spec, models, report, what is damaged. Where the experiment has not ended, no attempt that runs now can still record what is
// listed, however late it is; age, which an hour is plenty for, covers what is known of its end too late.
//
// An error means that nothing is known: a record that can't be read may name anything.
func Leftovers(ctx context.Context, s Inventory, name string, known Known, age time.Duration) ([]storage.Object, error) {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, fmt.Errorf("leftovers of experiment %q: want the name of one experiment", name)
	}
	if age <= 0 {
		return nil, fmt.Errorf("leftovers of experiment %q older than %s: want an age above 0, such as 1h: "+
			"an attempt that runs now has not recorded yet what it stores", name, age)
	}
	before := time.Now().Add(-age)
	objects, err := s.Objects(ctx, Key(name)+"/")
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, o := range objects {
		there[o.Key] = true
	}
	named := map[string]string{}
	var left []storage.Object
	for _, o := range objects {
		record := recordOf(strings.TrimPrefix(o.Key, Key(name)+"/"))
		if record == "" {
			continue
		}
		record = Key(name, record)
		if _, read := named[record]; there[record] && !read {
			if named[record], err = artifactIn(ctx, s, record); err != nil {
				return nil, fmt.Errorf("leftovers of experiment %q: %w", name, err)
			}
		}
		artifact, recorded := named[record]
		if (recorded || known.Ended) && o.Key != artifact && !names(known.Referenced, o.Key) && o.Modified.Before(before) {
			left = append(left, o)
		}
	}
	return left, nil
}

func names(artifacts []experiment.Artifact, key string) bool {
	return slices.ContainsFunc(artifacts, func(a experiment.Artifact) bool { return a.Key == key })
}

// recordOf is the record of the work that a file in an experiment's folder belongs to, both as paths in there; empty for a
// file that is no checkpoint.
func recordOf(file string) string {
	folder, base := path.Split(file)
	if epoch, ok := strings.CutSuffix(folder, partial+"/"); ok {
		return epoch + ".json"
	}
	if folder == "" || folder == Embeddings+"/" || path.Ext(base) != checkpointExtension || strings.HasPrefix(folder, Corrupt+"/") {
		return ""
	}
	return RecordKey(file)
}

// artifactIn is the key of the artifact that the record under the key names.
func artifactIn(ctx context.Context, s Inventory, key string) (string, error) {
	stored, err := s.Stat(ctx, key)
	if err != nil {
		return "", err
	}
	if err := CheckSize(stored); err != nil {
		return "", err
	}
	data, err := s.Get(ctx, stored)
	if err != nil {
		return "", err
	}
	return artifactOf(key, data)
}

func artifactOf(key string, data []byte) (string, error) {
	var r struct {
		Artifact experiment.Artifact `json:"artifact"`
	}
	if err := Decode(data, "record "+key, RecordVersion, &r); err != nil {
		return "", err
	}
	beside := strings.TrimSuffix(key, ".json") + "."
	if rest, ok := strings.CutPrefix(r.Artifact.Key, beside); !ok || strings.Contains(rest, "/") {
		return "", fmt.Errorf("record %s names %q, which is no checkpoint beside it", key, r.Artifact.Key)
	}
	return r.Artifact.Key, nil
}
