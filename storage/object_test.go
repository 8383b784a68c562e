package storage_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

func testObjects(t *testing.T, c storage.Config) {
	s := newStore(t, c)
	var want []experiment.Artifact
	for i := range 20 {
		key := fmt.Sprintf("experiments/a/pretrain/epoch-%04d.safetensors", i)
		a, err := s.Put(t.Context(), key, []byte(key), "application/octet-stream")
		require.NoError(t, err)
		want = append(want, a)
	}
	other, err := s.Put(t.Context(), "experiments/ab/spec.yaml", []byte("name: ab"), "application/yaml")
	require.NoError(t, err)

	found, err := s.List(t.Context(), "experiments/a/")
	require.NoError(t, err)
	require.Equal(t, want, found)
	found, err = s.List(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, append(want, other), found)
	objects, err := s.Objects(t.Context(), "experiments/ab/")
	require.NoError(t, err)
	require.Len(t, objects, 1)
	require.Equal(t, other.Key, objects[0].Key)
	require.Equal(t, other.Size, objects[0].Size)
	require.False(t, objects[0].Modified.IsZero())
	found, err = s.List(t.Context(), "nothing/")
	require.NoError(t, err)
	require.Empty(t, found)

	a, err := s.Stat(t.Context(), other.Key)
	require.NoError(t, err)
	require.Equal(t, other, a)

	require.NoError(t, s.Move(t.Context(), other.Key, "aside/ä b"))
	require.ErrorIs(t, s.Move(t.Context(), other.Key, "aside/ä b"), storage.ErrNotFound)
	moved, err := s.Stat(t.Context(), "aside/ä b")
	require.NoError(t, err)
	require.Equal(t, other.SHA256, moved.SHA256)
	_, err = s.Get(t.Context(), moved)
	require.NoError(t, err)
	require.NoError(t, s.Move(t.Context(), "aside/ä b", other.Key))

	require.NoError(t, s.Remove(t.Context(), other.Key))
	require.NoError(t, s.Remove(t.Context(), other.Key), "a second time")
	_, err = s.Stat(t.Context(), other.Key)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.False(t, storage.Retryable(err))
	require.ErrorContains(t, err, other.Key)
	require.ErrorContains(t, err, s.Bucket())
	_, err = s.Put(t.Context(), other.Key, []byte("another name"), "application/yaml")
	require.NoError(t, err, "a removed key is free")
}
