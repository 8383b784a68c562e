package activities

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"twinview/experiment"
	"twinview/storage"
)

// memory is an object store that lasts as long as the test. failPut, where it is set, stands for a process that dies
// before a key is written.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	// digests are what the writers recorded.
	digests map[string]string
	failPut func(key string) error
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}, digests: map[string]string{}} }

// clone is a store of the same objects.
func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{objects: maps.Clone(m.objects), digests: maps.Clone(m.digests)}
}

func (m *memory) Put(_ context.Context, key string, data []byte, _ string) (experiment.Artifact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failPut != nil {
		if err := m.failPut(key); err != nil {
			return experiment.Artifact{}, err
		}
	}
	if old, ok := m.objects[key]; ok && !bytes.Equal(old, data) {
		return experiment.Artifact{}, fmt.Errorf("%w: %s", storage.ErrConflict, key)
	}
	m.objects[key] = bytes.Clone(data)
	a := describe(key, data)
	m.digests[key] = a.SHA256
	return a, nil
}

func (m *memory) PutFile(ctx context.Context, key, path, contentType string) (experiment.Artifact, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return experiment.Artifact{}, err
	}
	return m.Put(ctx, key, data, contentType)
}

func (m *memory) Get(_ context.Context, a experiment.Artifact) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[a.Key]
	if !ok {
		return nil, fmt.Errorf("%w: %s", storage.ErrNotFound, a.Key)
	}
	if describe(a.Key, data) != a {
		return nil, fmt.Errorf("%w: %s", storage.ErrCorrupt, a.Key)
	}
	return bytes.Clone(data), nil
}

func (m *memory) GetFile(ctx context.Context, a experiment.Artifact, path string) error {
	data, err := m.Get(ctx, a)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func (m *memory) Stat(_ context.Context, key string) (experiment.Artifact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return experiment.Artifact{}, fmt.Errorf("%w: %s", storage.ErrNotFound, key)
	}
	a := describe(key, data)
	a.SHA256 = cmp.Or(m.digests[key], a.SHA256)
	return a, nil
}

// damage changes a byte of an object behind its writer's back.
func (m *memory) damage(key string) { m.objects[key][len(m.objects[key])/2] ^= 1 }

func (m *memory) List(_ context.Context, prefix string) ([]experiment.Artifact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []experiment.Artifact
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, prefix) {
			found = append(found, describe(key, m.objects[key]))
		}
	}
	return found, nil
}

func (m *memory) Move(_ context.Context, from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[from]
	if !ok {
		return fmt.Errorf("%w: %s", storage.ErrNotFound, from)
	}
	m.objects[to], m.digests[to] = data, m.digests[from]
	delete(m.objects, from)
	return nil
}

func (m *memory) Remove(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

// keys lists what is stored under a prefix, without it.
func (m *memory) keys(prefix string) map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]bool{}
	for k := range m.objects {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			found[rest] = true
		}
	}
	return found
}

func describe(key string, data []byte) experiment.Artifact {
	sum := sha256.Sum256(data)
	return experiment.Artifact{Key: key, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
}
