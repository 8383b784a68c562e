package activities

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

// smallArchive is an archive in the official layout with 20 images in each training batch and 10 for the test.
func smallArchive(t *testing.T) string {
	t.Helper()
	files := map[string][]byte{
		"batches.meta.txt": []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"),
		"test_batch.bin":   records(10),
	}
	for batch := range 5 {
		files[fmt.Sprintf("data_batch_%d.bin", batch+1)] = records(20)
	}
	return archiveOf(t, "cifar-10-batches-bin", files)
}

// archiveOf is a .tar.gz with files in a folder.
func archiveOf(t *testing.T, folder string, files map[string][]byte) string {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: path.Join(folder, name), Mode: 0o644, Size: int64(len(files[name]))}
		require.NoError(t, archive.WriteHeader(header))
		_, err := archive.Write(files[name])
		require.NoError(t, err)
	}
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
	copied := filepath.Join(a.cacheFolder(sum), "cifar-10-binary.tar.gz")
	require.NoError(t, os.MkdirAll(filepath.Dir(copied), 0o755))
	require.NoError(t, os.WriteFile(copied, []byte("half an arch"), 0o644))
	pretrainOn(t, a, experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
	digest, err := dataset.Digest(copied)
	require.NoError(t, err)
	require.Equal(t, sum, digest)
}

// CIFAR-100 goes the same way, from an archive in its own layout.
func TestCIFAR100IsStoredAndRead(t *testing.T) {
	record := func(i int) []byte {
		return append([]byte{byte(i % 100 / 5), byte(i % 100)}, bytes.Repeat([]byte{byte(i)}, 3072)...)
	}
	files := map[string][]byte{}
	for i := range 300 {
		files["train.bin"] = append(files["train.bin"], record(i)...)
	}
	for i := range 100 {
		files["test.bin"] = append(files["test.bin"], record(i)...)
		files["fine_label_names.txt"] = fmt.Appendf(files["fine_label_names.txt"], "fine_%d\n", i)
	}
	for i := range 20 {
		files["coarse_label_names.txt"] = fmt.Appendf(files["coarse_label_names.txt"], "coarse_%d\n", i)
	}
	spec, sum := archiveSpec(t, archiveOf(t, "cifar-100-binary", files))
	spec.Dataset = experiment.Dataset{
		Name: experiment.CIFAR100, Source: spec.Dataset.Source, SHA256: sum,
		TrainImages: 100, ValidationImages: 100, TestImages: 100,
	}
	require.NoError(t, spec.Validate())
	s := newMemory()
	data := prepare(t, s, spec)
	require.Equal(t, "datasets/cifar100/"+sum+"/cifar-100-binary.tar.gz", data.Archive.Key)
	require.Len(t, data.Classes, 100)
	require.Zero(t, data.MostFrequent)

	coarse := spec
	coarse.Name, coarse.Dataset.Labels = "coarse", experiment.CoarseLabels
	require.Equal(t, "coarse_19", prepare(t, s, coarse).Classes[19])
	pretrainOn(t, newActivities(t, s), experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
}
