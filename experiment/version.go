package experiment

import "fmt"

// VersionError is a file in a newer format than this program reads. No retry on the same program helps.
type VersionError struct {
	// File says what it is: "training state".
	File string
	// Version is the file's, Newest the newest that this program reads. The oldest is 1.
	Version, Newest int
}

// Error says which versions can be read, and what to do.
func (e *VersionError) Error() string {
	reads := "version 1 only"
	if e.Newest > 1 {
		reads = fmt.Sprintf("versions 1 to %d", e.Newest)
	}
	return fmt.Sprintf("%s of format version %d: this program reads %s: use a release of Twinview at least as new as the one "+
		"that wrote it, for every worker and the starter", e.File, e.Version, reads)
}

// CheckVersion refuses versions above newest, with a VersionError, and below 1, which none ever was. Files that were written
// before there were versions have none and count as version 1.
func CheckVersion(file string, version, newest int) error {
	if version < 1 {
		return fmt.Errorf("%s of format version %d: versions begin at 1", file, version)
	}
	if version > newest {
		return &VersionError{File: file, Version: version, Newest: newest}
	}
	return nil
}
