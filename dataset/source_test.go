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
