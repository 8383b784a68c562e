package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
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

// Leftovers lists what failed attempts left of an experiment: the objects in its folder that nothing refers to and that were
// written longer than age ago, by this machine's clock. What referenced names is never among them, nor is the spec, any record
// of finished work, or what such a record names, whether referenced has it or not. age must be longer than an attempt
// takes from storing an artifact to recording it and the clocks of this machine and of the store differ; an hour is plenty.
// An error means that nothing is known: a record that can't be read may name anything.
func Leftovers(
	ctx context.Context, s Inventory, name string, referenced []experiment.Artifact, age time.Duration,
) ([]storage.Object, error) {
	if name == "" || strings.Contains(name, "/") {
		return nil, badSpecf("leftovers of experiment %q: want the name of one experiment", name)
	}
	if age <= 0 {
		return nil, badSpecf("leftovers of experiment %q older than %s: want an age above 0, such as 1h: "+
			"an attempt that runs now has not recorded yet what it stores", name, age)
	}
	before := time.Now().Add(-age)
	objects, err := s.Objects(ctx, key(name)+"/")
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{key(name, fileSpec): true}
	for _, a := range referenced {
		kept[a.Key], kept[recordKey(a.Key)] = true, true
	}
	for _, o := range objects {
		if kept[o.Key] || path.Ext(o.Key) != ".json" {
			continue
		}
		artifact, err := recordedArtifact(ctx, s, o.Key)
		if err != nil {
			return nil, fmt.Errorf("leftovers of experiment %q: %w", name, err)
		}
		if artifact != "" {
			kept[o.Key], kept[artifact] = true, true
		}
	}
	var left []storage.Object
	for _, o := range objects {
		if !kept[o.Key] && o.Modified.Before(before) {
			left = append(left, o)
		}
	}
	return left, nil
}

// recordedArtifact is the key of the artifact that a record names, or empty where the object is no record.
func recordedArtifact(ctx context.Context, s Inventory, key string) (string, error) {
	stored, err := s.Stat(ctx, key)
	if err != nil {
		return "", err
	}
	data, err := s.Get(ctx, stored)
	if err != nil {
		return "", err
	}
	var r record[json.RawMessage]
	folder, beside := path.Split(key)
	begin := folder + strings.TrimSuffix(beside, path.Ext(beside)) + "."
	if err := json.Unmarshal(data, &r); err != nil || !strings.HasPrefix(r.Artifact.Key, begin) {
		return "", nil // another JSON file
	}
	return r.Artifact.Key, nil
}
