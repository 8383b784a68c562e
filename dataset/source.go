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

// Chain is where a data set's archive is looked for when the spec names no source: the file that Variable names, the local
// one, then the official download.
type Chain struct {
	Title                     string
	Variable, Local, Official string
	// digests are of archives known to hold the data set, the official one first.
	digests []string
}

// chains are by name of the data set.
var chains = map[string]Chain{
	experiment.CIFAR10: {
		"CIFAR-10", ArchiveVariable, LocalArchive, OfficialArchive, []string{OfficialSHA256, reorderedSHA256},
	},
	experiment.CIFAR100: {
		"CIFAR-100", "CIFAR100_ARCHIVE", "data/cifar-100-binary.tar.gz",
		"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
		[]string{"58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
	},
}

// ChainOf is that of a data set, CIFAR-10's where the name says nothing of the kind.
func ChainOf(name string) Chain {
	if c, ok := chains[name]; ok {
		return c
	}
	return chains[experiment.CIFAR10]
}

// Locate says where the archive is, a path or a URL, and which SHA-256 it must have. A local archive that was found by the
// default chain must have one of the known digests; a source of the user's own must come with its digest.
func Locate(spec experiment.Dataset) (source, sha256 string, err error) {
	if spec.Source != "" {
		if spec.SHA256 == "" {
			return "", "", fmt.Errorf("dataset.sha256: missing: give the SHA-256 of %s, for example from sha256sum", spec.Source)
		}
		return spec.Source, strings.ToLower(spec.SHA256), nil
	}
	chain := ChainOf(spec.Name)
	local, err := chain.localArchive()
	switch {
	case err != nil:
		return "", "", err
	case local == "":
		return chain.Official, orElse(spec.SHA256, chain.digests[0]), nil
	case spec.SHA256 != "":
		return local, strings.ToLower(spec.SHA256), nil
	}
	return chain.recognised(local)
}

// localArchive is the archive on this machine, empty if there is none. One that the user names has to be there.
func (c Chain) localArchive() (string, error) {
	if named := os.Getenv(c.Variable); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("%s: %q can't be used: give the path of the archive on this machine, or unset it: %w",
				c.Variable, named, err)
		}
		return named, nil
	}
	if _, err := os.Stat(c.Local); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return c.Local, nil
}

// recognised returns the path and its digest if that is a known one.
func (c Chain) recognised(path string) (string, string, error) {
	sum, err := Digest(path)
	if err != nil {
		return "", "", fmt.Errorf("look at the %s archive: %w", c.Title, err)
	}
	if !slices.Contains(c.digests, sum) {
		return "", "", fmt.Errorf("%w: %s has SHA-256 %s, which is not %s's: download it again, or set dataset.source and "+
			"dataset.sha256 if it is meant to be another", ErrDigest, path, sum, c.Title)
	}
	return path, sum, nil
}

func orElse(s, fallback string) string {
	if s != "" {
		return strings.ToLower(s)
	}
	return fallback
}
