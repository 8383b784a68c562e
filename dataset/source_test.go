package dataset

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestLocate(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(ArchiveVariable, "")
	source, sum, err := Locate(experiment.Dataset{})
	require.NoError(t, err)
	require.Equal(t, []string{OfficialArchive, OfficialSHA256}, []string{source, sum})

	_, _, err = Locate(experiment.Dataset{Source: "x.tar.gz"})
	require.ErrorContains(t, err, "dataset.sha256: missing")

	require.NoError(t, os.Mkdir("data", 0o755))
	require.NoError(t, os.WriteFile(LocalArchive, []byte("archive"), 0o600))
	_, _, err = Locate(experiment.Dataset{})
	require.ErrorIs(t, err, ErrDigest)
	source, sum, err = Locate(experiment.Dataset{SHA256: "ABC"})
	require.NoError(t, err)
	require.Equal(t, []string{LocalArchive, "abc"}, []string{source, sum})

	t.Setenv(ArchiveVariable, "elsewhere.tar.gz")
	_, _, err = Locate(experiment.Dataset{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, `CIFAR10_ARCHIVE: "elsewhere.tar.gz"`)
}

func TestLocateCIFAR100(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(ArchiveVariable, "cifar-10.tar.gz") // which has no part in it
	t.Setenv("CIFAR100_ARCHIVE", "")
	hundred := experiment.Dataset{Name: experiment.CIFAR100}
	source, sum, err := Locate(hundred)
	require.NoError(t, err)
	require.Equal(t, "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", source)
	require.Equal(t, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", sum)
	require.NoError(t, os.WriteFile("mine.tar.gz", []byte("archive"), 0o600))
	t.Setenv("CIFAR100_ARCHIVE", "mine.tar.gz")
	_, _, err = Locate(hundred)
	require.ErrorIs(t, err, ErrDigest)
	require.ErrorContains(t, err, "which is not CIFAR-100's")
}
