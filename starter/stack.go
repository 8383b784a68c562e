package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"twinview/frontend"
	"twinview/storage"
)

// stackFile is where "make up" writes the addresses and credentials of its servers.
const stackFile = ".stack/env"

// Environment variables that name a Temporal; storage names its own
const (
	envAddress    = frontend.EnvAddress
	envConfigFile = "TEMPORAL_CONFIG_FILE"
	envProfile    = "TEMPORAL_PROFILE"
	envUI         = "TEMPORAL_UI_ADDRESS"
)

// useStack sets the environment to the servers that the file describes, unless the user names a server: half of one
// stack and half of another would be worse than an error. A file that is not there is not missed.
func (t *target) useStack(path string, notes io.Writer) error {
	named := []string{envAddress, envConfigFile, envProfile, storage.EnvEndpoint}
	if t.address != "" || slices.ContainsFunc(named, isSet) {
		return nil
	}
	variables, err := readStack(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the stack's addresses: %w", err)
	}
	// What is set for another Temporal or object store, such as a certificate, is of no use here.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); ofServers(name) {
			if err := os.Unsetenv(name); err != nil {
				return fmt.Errorf("leave %s out: %w", name, err)
			}
		}
	}
	for name, value := range variables {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("take %s from %s: %w", name, path, err)
		}
	}
	fmt.Fprintf(notes, "using the servers of `make up`, from %s\n", path)
	return nil
}

func ofServers(name string) bool {
	return strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "MINIO_")
}

func isSet(name string) bool { return os.Getenv(name) != "" }

// readStack reads lines of NAME=value. Only names of the two servers are taken: the file must not change anything else
// about this process.
func readStack(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	variables := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if ok && ofServers(name) {
			variables[name] = value
		}
	}
	return variables, lines.Err()
}
