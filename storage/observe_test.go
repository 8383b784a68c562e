package storage_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// Whoever watches the store hears of each try, the failed ones too.
func TestEveryTryIsObserved(t *testing.T) {
	t.Parallel()
	refusals := 2
	s := openFaulty(t, func(w http.ResponseWriter, r *http.Request) {
		if refusals > 0 {
			refusals--
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, "<Error><Code>SlowDown</Code></Error>")
			return
		}
		w.Header().Set("ETag", `"etag"`)
		w.Header().Set("Last-Modified", "Fri, 27 Nov 2026 07:00:00 GMT")
		fmt.Fprint(w, "content")
	})
	var seen []storage.Try
	s.Observe(func(try storage.Try) {
		require.GreaterOrEqual(t, try.Seconds, 0.)
		try.Seconds = 0
		seen = append(seen, try)
	})
	a := experiment.Artifact{Key: "a", SHA256: digest([]byte("content")), Size: 7}
	_, err := s.Get(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, []storage.Try{
		{Operation: "get", Number: 1, Outcome: "unreachable"},
		{Operation: "get", Number: 2, Outcome: "unreachable"},
		{Operation: "get", Number: 3, Outcome: storage.OutcomeOK},
	}, seen)

	seen, a.SHA256 = nil, digest([]byte("other"))
	_, err = s.Get(t.Context(), a)
	require.ErrorIs(t, err, storage.ErrCorrupt)
	require.Len(t, seen, 3, "a transfer may have been at fault")
	require.Equal(t, "corrupt", seen[2].Outcome)
	for _, try := range seen {
		require.Contains(t, storage.Operations(), try.Operation)
	}
}
