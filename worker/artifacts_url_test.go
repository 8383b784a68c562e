package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArtifactsURL(t *testing.T) {
	for value, want := range map[string]string{
		"https://files.lab/simclr": "https://files.lab/simclr/", "http://files.lab:9000/": "http://files.lab:9000/",
	} {
		var a artifactsURL
		require.NoError(t, a.Set(value))
		require.Equal(t, want, a.String())
	}
	for value, complaint := range map[string]string{
		"files.lab/simclr": "no http(s) URL", "ftp://files.lab": "no http(s) URL", "https://me:secret@files.lab/": "names a user",
		"https://files.lab/?token=secret": "behind its path", "https://": "no http(s) URL",
	} {
		var a artifactsURL
		err := a.Set(value)
		require.ErrorContains(t, err, complaint)
		require.NotContains(t, err.Error(), "secret")
		require.Empty(t, a)
	}
}
