package cpu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// measurements is the path of a file that keeps which algorithm was fastest; empty for none.
type measurements string

// find looks a measurement up. A file that cannot be read is as good as none: it only saves time.
func (m measurements) find(key string) (string, bool) {
	known, err := m.read()
	if err != nil {
		return "", false
	}
	value, ok := known[key]
	return value, ok
}

func (m measurements) read() (map[string]string, error) {
	known := map[string]string{}
	if m == "" {
		return known, nil
	}
	data, err := os.ReadFile(string(m))
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	return known, json.Unmarshal(data, &known)
}

// add keeps a measurement. The file is replaced as a whole, so that another process never reads half of it.
func (m measurements) add(key, value string) error {
	if m == "" {
		return nil
	}
	known, err := m.read()
	if err != nil { // damaged: begin again
		known = map[string]string{}
	}
	known[key] = value
	data, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(string(m)), ".kernels-*")
	if err != nil {
		return fmt.Errorf("keep the measurement of kernels: %w", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("keep the measurement of kernels: %w", err)
	}
	if err := os.Rename(temporary.Name(), string(m)); err != nil {
		return fmt.Errorf("keep the measurement of kernels: %w", err)
	}
	return nil
}
