package experiment

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"
)

// YAML writes every field of s, defaults included, so that the file means the same under later versions' defaults.
// Parse reads back an equal spec.
func (s Spec) YAML() ([]byte, error) {
	data, err := yaml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode spec %q: %w", s.Name, err)
	}
	return bytes.TrimLeft(data, "\n"), nil
}

// Digest is the SHA-256 of the canonical form of s, in hexadecimal: its JSON, fields in the order of their definition,
// with the second view spelled out and a number of two views left out, and without checkpoints.every_seconds, which has no
// part in what comes out. Specs that describe the same experiment under the
// same name have the same digest, however they were written.
func (s Spec) Digest() string {
	if s.Augment.SecondView == nil {
		s.Augment.SecondView = &s.Augment.FirstView
	}
	if s.Augment.Views == 2 {
		s.Augment.Views = 0
	}
	s.Checkpoints.EverySeconds = 0
	data, err := json.Marshal(s)
	if err != nil {
		// JSON has no NaN and no infinity. No valid spec holds one, and two specs that do may share a digest.
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
