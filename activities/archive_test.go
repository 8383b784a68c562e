package activities

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

// smallArchive is an archive in the official layout with 20 images in each training batch and 10 for the test.
func smallArchive(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	add := func(name string, content []byte) {
		header := &tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(len(content))}
		require.NoError(t, archive.WriteHeader(header))
		_, err := archive.Write(content)
		require.NoError(t, err)
	}
	add("batches.meta.txt", []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"))
	for batch := range 5 {
		add(fmt.Sprintf("data_batch_%d.bin", batch+1), records(20))
	}
	add("test_batch.bin", records(10))
	require.NoError(t, archive.Close())
	require.NoError(t, compressed.Close())
	return packed.String()
}

// records are images of one colour each, with every label in turn.
func records(n int) []byte {
	var all []byte
	for i := range n {
		all = append(all, byte(i%10))
		all = append(all, bytes.Repeat([]byte{byte(25 * i)}, 3072)...)
	}
	return all
}

func TestArchiveIsStoredOnceAndReadFromAnyWorker(t *testing.T) {
	spec, sum := archiveSpec(t, smallArchive(t))
	spec.Dataset.SHA256 = sum
	s := newMemory()
	data := prepare(t, s, spec)
	require.Equal(t, "datasets/cifar10/"+sum+"/cifar-10-binary.tar.gz", data.Archive.Key)
	require.Equal(t, sum, data.Archive.SHA256)
	require.Equal(t, "truck", data.Classes[9])

	require.NoError(t, os.Remove(spec.Dataset.Source))
	require.Equal(t, data, prepare(t, s, spec), "a worker without the file takes the stored copy")
	pretrainOn(t, newActivities(t, s), experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
}

func TestDamagedLocalCopyIsFetchedAgain(t *testing.T) {
	spec, sum := archiveSpec(t, smallArchive(t))
	spec.Dataset.SHA256 = sum
	s := newMemory()
	data := prepare(t, s, spec)
	a := newActivities(t, s)
	path := filepath.Join(a.cacheFolder(sum), archiveFile)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("half an arch"), 0o644))
	pretrainOn(t, a, experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
	digest, err := dataset.Digest(path)
	require.NoError(t, err)
	require.Equal(t, sum, digest)
}
