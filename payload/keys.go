// Package payload encrypts what Temporal keeps of an experiment: inputs, results, heartbeats, answers to queries, and what
// failures say. Everybody who takes part, workers and starters, needs the same keys.
package payload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Environment variables that KeysFromEnv reads.
const (
	EnvKey     = "TWINVIEW_PAYLOAD_KEY"
	EnvKeyFile = "TWINVIEW_PAYLOAD_KEY_FILE"
)

// keyLength is that of AES-256, in bytes.
const keyLength = 32

// Keys are keys to encrypt and to decrypt with. The zero value has none: nothing is encrypted. Printing them shows no key.
type Keys struct {
	// newest encrypts.
	newest *key
	// all decrypt, by their IDs.
	all map[string]*key
}

// key is one key, ready for use.
type key struct {
	id   string
	aead cipher.AEAD
}

// KeysFromEnv reads the keys from TWINVIEW_PAYLOAD_KEY, or from the file that TWINVIEW_PAYLOAD_KEY_FILE names, as ParseKeys
// does. There are none where neither is set. No error quotes a key.
func KeysFromEnv() (Keys, error) {
	text, path := os.Getenv(EnvKey), os.Getenv(EnvKeyFile)
	switch {
	case text != "" && path != "":
		return Keys{}, fmt.Errorf("%s and %s are both set: remove one", EnvKey, EnvKeyFile)
	case text != "":
		return named(EnvKey, text)
	case path == "":
		return Keys{}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the keys that %s names: %w", EnvKeyFile, err)
	}
	return named(EnvKeyFile+" ("+path+")", string(content))
}

func named(where, text string) (Keys, error) {
	keys, err := ParseKeys(text)
	if err != nil {
		return Keys{}, fmt.Errorf("%s: %w", where, err)
	}
	return keys, nil
}

// ParseKeys reads one key or more, separated by white space: 32 random bytes each, in base64 or hexadecimal. The first
// encrypts; all of them decrypt, so older ones follow for as long as there is something to read that they have encrypted.
func ParseKeys(text string) (Keys, error) {
	keys := Keys{all: map[string]*key{}}
	for i, word := range strings.Fields(text) {
		k, err := parseKey(word)
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys.all[k.id] = k
		if keys.newest == nil {
			keys.newest = k
		}
	}
	if keys.newest == nil {
		return Keys{}, errors.New("no key: put one there, as `openssl rand -base64 32` makes it")
	}
	return keys, nil
}

func parseKey(word string) (*key, error) {
	raw, err := hex.DecodeString(word)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(word)
	}
	if err != nil || len(raw) != keyLength {
		return nil, fmt.Errorf("no %d bytes in base64 or hexadecimal, as `openssl rand -base64 %[1]d` makes them", keyLength)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	// Of the key itself, so that nobody has to name keys, and no two have the same name. A random key can't be found from it.
	sum := sha256.Sum256(append([]byte("twinview payload key\n"), raw...))
	return &key{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// Encrypting says whether there is a key.
func (k Keys) Encrypting() bool { return k.newest != nil }

// String names the key that encrypts by its ID.
func (k Keys) String() string {
	if !k.Encrypting() {
		return "no payload key"
	}
	return "payload key " + k.newest.id
}

// GoString is what %#v prints: no key either.
func (k Keys) GoString() string { return "payload.Keys{" + k.String() + "}" }
