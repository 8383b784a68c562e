// Package storagetest starts a real MinIO server for tests.
package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"twinview/storage"
)

const (
	// EnvBinary names the minio program; without it, bin/minio of the repository and then PATH are tried.
	EnvBinary = "TWINVIEW_MINIO"
	// EnvRequire set to 1 makes a missing program a failure instead of a skipped test.
	EnvRequire = "TWINVIEW_REQUIRE_SERVERS"
)

// startTimeout is generous: a busy machine takes seconds for what an idle one does in half of one.
const startTimeout = 30 * time.Second

// Start runs a MinIO server with an empty folder and random credentials on a free loopback port, and stops it when the test
// ends. The bucket that the configuration names does not exist yet. Where there is no minio program the test is skipped.
func Start(t testing.TB) storage.Config {
	t.Helper()
	return Launch(t).Config
}

// Server is a running MinIO server.
type Server struct {
	Config  storage.Config
	process *exec.Cmd
	exited  chan struct{}
}

// Launch is Start for a test that stops the server itself.
func Launch(t testing.TB) *Server {
	t.Helper()
	binary, err := find()
	if err != nil && os.Getenv(EnvRequire) == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	server, err := launch(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// Stop kills the server, as a crash would.
func (s *Server) Stop() {
	s.process.Process.Kill()
	<-s.exited
}

func find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		return path, nil
	}
	if root, err := repository(); err == nil {
		if path := filepath.Join(root, "bin", "minio"); executable(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath("minio"); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no minio server to test against: put the program at bin/minio or on PATH, or name it in %s",
		EnvBinary)
}

// repository is the folder of go.mod, above the package under test.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// launch tries a few ports: another process may take a free one before the server does.
func launch(binary, dir string) (*Server, error) {
	var failures error
	for range 3 {
		server, err := launchOnce(binary, dir)
		if err == nil {
			return server, nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, failures
}

func launchOnce(binary, dir string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := storage.Config{Endpoint: address, Bucket: "simclr", AccessKey: rand.Text(), SecretKey: rand.Text()}
	var output bytes.Buffer
	process := exec.Command(binary, "server", "--quiet", "--address", address, dir)
	process.Stdout, process.Stderr = &output, &output
	process.Env = append(os.Environ(),
		"MINIO_ROOT_USER="+config.AccessKey, "MINIO_ROOT_PASSWORD="+config.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off")
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start minio: %w", err)
	}
	server := &Server{Config: config, process: process, exited: make(chan struct{})}
	go func() {
		process.Wait()
		close(server.exited)
	}()
	if err := server.await(); err != nil {
		server.Stop()
		return nil, fmt.Errorf("start minio at %s: %w\n%s", address, err, output.String())
	}
	return server, nil
}

// await returns when the server accepts its credentials.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		_, err := storage.Open(ctx, s.Config)
		if err == nil || !storage.Retryable(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freeAddress is a loopback address on which nobody listens at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
