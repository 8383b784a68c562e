package main

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each view is one that Temporal understands, and its link carries it.
func TestViews(t *testing.T) {
	at := startExperiments(t)
	_, err := starter(t, at, "views")
	require.ErrorContains(t, err, envUI)
	_, err = starter(t, at, "doctor", "--fix", "--only", "attributes")
	require.NoError(t, err)
	t.Setenv(envUI, "http://ui.example/")
	out, err := starter(t, at, "views", "-o", "json")
	require.NoError(t, err)
	var views []view
	require.NoError(t, json.Unmarshal([]byte(out), &views))
	require.Len(t, views, 7)
	for _, v := range views {
		u, err := url.Parse(v.URL)
		require.NoError(t, err)
		require.Equal(t, "/namespaces/default/workflows", u.Path)
		require.Equal(t, v.Query, u.Query().Get("query"))
		require.Equal(t, v.Name, u.Query().Get("savedQuery"))
		out, err := starter(t, at, "list", "--query", v.Query)
		require.NoError(t, err, v.Name)
		require.Contains(t, out, "no such experiments")
	}
	out, err = starter(t, at, "views")
	require.NoError(t, err)
	require.Contains(t, out, "Barlow Twins  http://ui.example/namespaces/default/workflows?query=")
}
