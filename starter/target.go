package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"twinview/frontend"
	"twinview/payload"
	"twinview/storage"
)

// dialTimeout is how long Temporal may take to answer at first.
const dialTimeout = 10 * time.Second

// target is the Temporal that commands talk to, as flags and the environment describe it.
type target struct {
	address   string
	namespace string
}

// connection is an open connection with what belongs to it.
type connection struct {
	client.Client
	options   client.Options
	keys      payload.Keys
	address   string
	namespace string
	// unsearchable is why an experiment had to be submitted without search attributes, nil where it had them.
	unsearchable error
}

func (t *target) dial(ctx context.Context) (*connection, error) {
	keys, err := payload.KeysFromEnv()
	if err != nil {
		return nil, unreachableError{err}
	}
	o, err := frontend.Options(t.address, t.namespace, keys)
	if err != nil {
		return nil, unreachableError{err}
	}
	// What fails is returned as an error, and said once.
	o.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	o.Identity = identity()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := frontend.Dial(ctx, o)
	if err != nil {
		return nil, unreachableError{err}
	}
	return &connection{Client: c, options: o, keys: keys, address: o.HostPort, namespace: o.Namespace}, nil
}

// identity names this connection in histories. No two have the same, see submittedHere; in containers neither process IDs nor
// host names tell them apart.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("starter/%d@%s/%s", os.Getpid(), host, strings.ToLower(rand.Text()[:8]))
}

// explain puts the server's errors about an experiment into words.
func (t *connection) explain(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*serviceerror.NamespaceNotFound)):
		return unreachableError{fmt.Errorf("no namespace %[2]q in Temporal at %[1]s: create it with `temporal operator namespace "+
			"create`, or name another one in TEMPORAL_NAMESPACE", t.address, t.namespace)}
	case errors.As(err, new(*serviceerror.NotFound)):
		return notFoundError{fmt.Errorf("no experiment is called %q: `starter list` shows those that there are", name)}
	}
	return fmt.Errorf("ask Temporal at %s about %q: %w", t.address, name, frontend.Explain(t.options, err))
}

// webUI is the address of the experiment's page, empty where nobody has said where the web UI is.
func (t *connection) webUI(name string) string {
	ui := strings.TrimRight(os.Getenv(envUI), "/")
	if ui == "" {
		return ""
	}
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s", ui, t.namespace, name)
}

// webList is the address of the list of those that a query finds, empty as in webUI.
func (t *connection) webList(query string) string {
	ui := strings.TrimRight(os.Getenv(envUI), "/")
	if ui == "" {
		return ""
	}
	return fmt.Sprintf("%s/namespaces/%s/workflows?query=%s", ui, t.namespace, url.QueryEscape(query))
}

// openStore connects to the object store that the environment names.
func openStore(ctx context.Context) (*storage.Store, error) {
	config, err := storage.ConfigFromEnv()
	if err != nil {
		return nil, unreachableError{err}
	}
	return storage.Open(ctx, config)
}
