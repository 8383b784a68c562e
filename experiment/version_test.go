package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewerVersionsAreRefusedByName(t *testing.T) {
	require.NoError(t, CheckVersion("record", 1, 2))
	require.NoError(t, CheckVersion("record", 2, 2))

	err := CheckVersion("record", 3, 2)
	var newer *VersionError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, VersionError{File: "record", Version: 3, Newest: 2}, *newer)
	require.EqualError(t, err, "record of format version 3: this program reads versions 1 to 2: use a release of Twinview at "+
		"least as new as the one that wrote it, for every worker and the starter")
	require.ErrorContains(t, CheckVersion("record", 2, 1), "reads version 1 only")

	err = CheckVersion("record", 0, 2)
	require.ErrorContains(t, err, "versions begin at 1")
	require.NotErrorAs(t, err, &newer)
}
