package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"twinview/loopback"
	"twinview/storage"
)

// Names of the object stores.
const (
	minioName     = "minio"
	versitygwName = "versitygw"
)

// settings say what to run.
type settings struct {
	// programs is the folder of worker and starter.
	programs string
	store    string
	// dir takes everything that is written.
	dir string
	// keep has rounds that passed leave their logs too.
	keep bool
	// limit bounds a round, takeOver the time until another worker goes on with an epoch.
	limit, takeOver time.Duration
}

// stack is what all rounds share: the two servers, and before each a gate that sees every request. A worker comes there over
// links of its own, which can be cut.
type stack struct {
	settings
	timeline *timeline

	temporal, store         *server
	temporalGate, storeGate *gate
	data                    string // the store's folder
	spec                    string
	started                 int // workers so far

	// These go to the servers directly.
	client  client.Client
	objects *storage.Store
	raw     *minio.Client
	config  storage.Config

	cleanup []func()
}

// startStack starts the servers, empty.
func startStack(ctx context.Context, o settings) (_ *stack, err error) {
	s := &stack{settings: o, timeline: newTimeline(), data: filepath.Join(o.dir, o.store)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	config := storage.Config{Bucket: "chaos", AccessKey: rand.Text(), SecretKey: rand.Text()}
	for _, start := range []func(context.Context, *storage.Config) error{s.startTemporal, s.startStore, s.connect} {
		if err := start(ctx, &config); err != nil {
			return nil, err
		}
	}
	s.spec = filepath.Join(o.dir, "spec.yaml")
	if err := os.WriteFile(s.spec, []byte(spec), 0o600); err != nil {
		return nil, fmt.Errorf("write the spec: %w", err)
	}
	return s, nil
}

func (s *stack) close() {
	for len(s.cleanup) > 0 {
		last := len(s.cleanup) - 1
		s.cleanup[last]()
		s.cleanup = s.cleanup[:last]
	}
}

func (s *stack) startTemporal(ctx context.Context, _ *storage.Config) error {
	binary, err := findServer("temporal")
	if err != nil {
		return err
	}
	address, err := loopback.Address()
	if err != nil {
		return err
	}
	port := address[strings.LastIndex(address, ":")+1:]
	s.temporal = &server{
		name: "temporal", address: address, dir: s.dir, env: os.Environ(),
		command: []string{binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port,
			"--db-filename", filepath.Join(s.dir, "temporal.db"), "--log-level", "error"},
		ready: func(ctx context.Context) error { return namespaceThere(ctx, address) },
	}
	if err := s.temporal.start(ctx); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.temporal.stop)
	return nil
}

func namespaceThere(ctx context.Context, address string) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: quiet()})
	if err != nil {
		return err
	}
	defer c.Close()
	request := &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace}
	_, err = c.WorkflowService().DescribeNamespace(ctx, request)
	return err
}

func (s *stack) startStore(ctx context.Context, c *storage.Config) error {
	binary, err := findServer(s.settings.store)
	if err != nil {
		return err
	}
	if c.Endpoint, err = loopback.Address(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return fmt.Errorf("make the store's folder: %w", err)
	}
	s.store = &server{name: s.settings.store, address: c.Endpoint, dir: s.dir, ready: func(ctx context.Context) error {
		_, err := storage.Open(ctx, *c)
		return err
	}}
	switch s.settings.store {
	case minioName:
		s.store.command = []string{binary, "server", "--quiet", "--address", c.Endpoint, s.data}
		s.store.env = append(os.Environ(), "MINIO_ROOT_USER="+c.AccessKey, "MINIO_ROOT_PASSWORD="+c.SecretKey,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off")
	case versitygwName:
		s.store.command = []string{binary, "--quiet", "--port", c.Endpoint, "posix", s.data}
		s.store.env = append(os.Environ(), "ROOT_ACCESS_KEY="+c.AccessKey, "ROOT_SECRET_KEY="+c.SecretKey)
	}
	if err := s.store.start(ctx); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.store.stop)
	return nil
}

// connect opens the ways to the servers.
func (s *stack) connect(ctx context.Context, c *storage.Config) (err error) {
	if s.temporalGate, err = newTemporalGate(s.temporal.address); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.temporalGate.close)
	if s.storeGate, err = newStoreGate(c.Endpoint, c.Bucket, s.timeline); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.storeGate.close)

	if s.client, err = client.DialContext(ctx, client.Options{HostPort: s.temporal.address, Logger: quiet()}); err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	s.cleanup = append(s.cleanup, s.client.Close)
	if s.objects, err = storage.Open(ctx, *c); err != nil {
		return err
	}
	if err := s.objects.EnsureBucket(ctx); err != nil {
		return err
	}
	s.config = *c
	s.raw, err = minio.New(c.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Region: storage.DefaultRegion,
	})
	if err != nil {
		return fmt.Errorf("connect to the store: %w", err)
	}
	return nil
}

// environment is that of a program which comes to the servers at these addresses: nothing of the user's own settings.
func (s *stack) environment(temporal, store string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + s.dir,
		"OMP_WAIT_POLICY=passive",
		"TEMPORAL_ADDRESS=" + temporal,
		storage.EnvEndpoint + "=" + store,
		storage.EnvAccessKey + "=" + s.config.AccessKey,
		storage.EnvSecretKey + "=" + s.config.SecretKey,
		storage.EnvBucket + "=" + s.config.Bucket,
	}
}

// findServer is the path of a server's program: what TWINVIEW_<NAME> names, else that on PATH.
func findServer(name string) (string, error) {
	variable := "TWINVIEW_" + strings.ToUpper(name)
	if path := os.Getenv(variable); path != "" {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no %s server to do harm to: put the program on PATH, or name it in %s", name, variable)
	}
	return path, nil
}

func quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }
