package minioadmin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/deploy"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// A user with the policy of a worker can do what a worker does, and no more; new secret keys replace old ones.
func TestUserHasTheRightsOfItsPolicy(t *testing.T) {
	root := storagetest.Programs[0].Launch(t).Config
	admin, err := storage.Open(t.Context(), root)
	require.NoError(t, err)
	require.NoError(t, admin.EnsureBucket(t.Context()))
	c, err := New(root)
	require.NoError(t, err)
	policy, err := deploy.Policy(deploy.Worker, root.Bucket)
	require.NoError(t, err)

	user := root
	for _, user.SecretKey = range []string{"first-secret", "second-secret"} {
		user.AccessKey = "worker"
		require.NoError(t, c.SetPolicy(t.Context(), "twinview", policy))
		require.NoError(t, c.SetUser(t.Context(), user.AccessKey, user.SecretKey))
		require.NoError(t, c.Attach(t.Context(), "twinview", user.AccessKey))
		s, err := storage.Open(t.Context(), user)
		require.NoError(t, err)
		require.NoError(t, s.Ping(t.Context()))
		_, err = s.Put(t.Context(), "experiments/first/spec.yaml", []byte("name: first"), "application/yaml")
		require.NoError(t, err)
		_, err = s.Put(t.Context(), "elsewhere", []byte("a"), "text/plain")
		require.ErrorIs(t, err, storage.ErrAccess)
	}
	user.SecretKey = "first-secret"
	_, err = storage.Open(t.Context(), user)
	require.ErrorIs(t, err, storage.ErrAccess, "the key that was replaced")

	user.SecretKey = "second-secret"
	none, err := New(user)
	require.NoError(t, err)
	err = none.SetUser(t.Context(), "another", "another-secret")
	require.ErrorIs(t, err, storage.ErrAccess)
	require.ErrorContains(t, err, "none of an administrator")
	require.NotContains(t, err.Error(), "secret")

	err = c.SetUser(t.Context(), "worker", "short")
	require.ErrorContains(t, err, "make user worker")
	require.Error(t, c.Attach(t.Context(), "no-such-policy", "worker"))
}

func TestOtherStoresHaveNoAdminAPI(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchBucket</Code></Error>")
	}))
	c, err := New(storage.Config{Endpoint: server.Listener.Addr().String(), AccessKey: "a", SecretKey: "b"})
	require.NoError(t, err)
	require.ErrorIs(t, c.SetPolicy(t.Context(), "p", []byte("{}")), ErrNoMinIO)
	server.Close()
	require.ErrorIs(t, c.SetPolicy(t.Context(), "p", []byte("{}")), storage.ErrUnreachable)
}
