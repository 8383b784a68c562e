// Package layout says how an experiment's folder in the object store is laid out: under which keys its files lie, how the small
// JSON files beside them are told apart by version, and which objects nothing refers to.
package layout

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"twinview/experiment"
)

// Corrupt is the folder in an experiment's in which damaged files are kept for people to look at.
const Corrupt = "corrupt"

// Embeddings is the folder of the selected encoder's outputs, which no record names.
const Embeddings = "embeddings"

// Format versions of JSON files, the newest that this program reads and the one that it writes. A file that names none is of
// version 1.
const (
	// RecordVersion is that of the record of finished work ("epoch-0042.json").
	RecordVersion = 1
	// ManifestVersion is that of the manifest beside a checkpoint inside an epoch ("epoch-0043.partial/step-….json").
	ManifestVersion = 1
)

const checkpointExtension = ".safetensors"

// Key is a file's key in an experiment's folder.
func Key(name string, elements ...string) string {
	return path.Join("experiments", name, path.Join(elements...))
}

// ArchiveKey is the key of a data set's images, for all experiments on them. The digest is part of it: two archives never meet.
func ArchiveKey(dataset, sha256, file string) string {
	return path.Join("datasets", dataset, sha256, file)
}

// RecordKey is the key of the record or manifest beside an artifact, also beside one under a key of its content.
func RecordKey(artifact string) string {
	folder, file := path.Split(artifact)
	name, _, _ := strings.Cut(file, ".")
	return folder + name + ".json"
}

// PartialPrefix begins the keys of an epoch's checkpoints between two steps: "experiments/first/pretrain/epoch-0042.partial/".
func PartialPrefix(epochKey string) string {
	return strings.TrimSuffix(epochKey, checkpointExtension) + partial + "/"
}

// IsPartial says whether a key is of something inside an epoch.
func IsPartial(key string) bool { return strings.Contains(key, partial+"/") }

// partial ends the name of the folder with an epoch's checkpoints between two steps.
const partial = ".partial"

// jsonMost is the length in bytes of a record or manifest, which have some hundred; the records of linear evaluation, with
// the curves of every epoch, have some ten thousand.
const jsonMost = 16 << 20

// CheckSize refuses a record or manifest that is too large to be one, before it is read into memory.
func CheckSize(a experiment.Artifact) error {
	if a.Size > jsonMost {
		return fmt.Errorf("%s has %d bytes, at most %d are allowed: it is no record that this program wrote", a.Key, a.Size, jsonMost)
	}
	return nil
}

// Decode reads the JSON of a record or manifest into v. A newer version than newest is an experiment.VersionError that calls
// the file what it is.
func Decode(data []byte, what string, newest int, v any) error {
	header := struct {
		Version *int `json:"version"`
	}{}
	if err := json.Unmarshal(data, &header); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	if header.Version != nil {
		if err := experiment.CheckVersion(what, *header.Version, newest); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
