package dataset

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"twinview/experiment"
)

// Where CIFAR-10 is looked for when the spec names no source, in this order.
const (
	ArchiveVariable = "CIFAR10_ARCHIVE"
	LocalArchive    = "data/cifar-10-binary.tar.gz"
	OfficialArchive = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
)

// Digests of archives known to hold CIFAR-10: the official one, and one with the same images and labels in another order.
const (
	OfficialSHA256  = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
	reorderedSHA256 = "0a2a1622b77b4c40b4e65b8714dc7f07a060fb71faf82d423de879ebb79226f8"
)

// Locate says where the archive is, a path or a URL, and which SHA-256 it must have. A local archive that was found by the
// default chain must have one of the known digests; a source of the user's own must come with its digest.
func Locate(spec experiment.Dataset) (source, sha256 string, err error) {
	if spec.Source != "" {
		if spec.SHA256 == "" {
			return "", "", fmt.Errorf("dataset.sha256: missing: give the SHA-256 of %s, for example from sha256sum", spec.Source)
		}
		return spec.Source, strings.ToLower(spec.SHA256), nil
	}
	local, err := localArchive()
	switch {
	case err != nil:
		return "", "", err
	case local == "":
		return OfficialArchive, orElse(spec.SHA256, OfficialSHA256), nil
	case spec.SHA256 != "":
		return local, strings.ToLower(spec.SHA256), nil
	}
	return recognised(local)
}

// localArchive is the archive on this machine, empty if there is none. One that the user names has to be there.
func localArchive() (string, error) {
	if named := os.Getenv(ArchiveVariable); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("%s: %q can't be used: give the path of the archive on this machine, or unset it: %w",
				ArchiveVariable, named, err)
		}
		return named, nil
	}
	if _, err := os.Stat(LocalArchive); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return LocalArchive, nil
}

// recognised returns the path and its digest if that is a known one.
func recognised(path string) (string, string, error) {
	sum, err := Digest(path)
	if err != nil {
		return "", "", fmt.Errorf("look at the CIFAR-10 archive: %w", err)
	}
	if !slices.Contains([]string{OfficialSHA256, reorderedSHA256}, sum) {
		return "", "", fmt.Errorf("%w: %s has SHA-256 %s, which is not CIFAR-10's: download it again, or set dataset.source and "+
			"dataset.sha256 if it is meant to be another", ErrDigest, path, sum)
	}
	return path, sum, nil
}

func orElse(s, fallback string) string {
	if s != "" {
		return strings.ToLower(s)
	}
	return fallback
}
