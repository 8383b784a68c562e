// Package temporaltest starts a real Temporal server for tests.
package temporaltest

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"twinview/loopback"
)

const (
	// EnvBinary names the temporal program; without it, bin/temporal of the repository and then PATH are tried.
	EnvBinary = "TWINVIEW_TEMPORAL"
	// EnvRequire set to 1 makes a missing program a failure instead of a skipped test.
	EnvRequire = "TWINVIEW_REQUIRE_SERVERS"
)

// Server is a running Temporal server with an empty database in memory and the namespace "default".
type Server struct {
	// Address is host:port of the frontend, on a free loopback port.
	Address string
	// Client is connected to it.
	Client client.Client
	// UI is the URL of the web UI, empty where there is none.
	UI string
}

// File is the path of the temporal program. Where there is none the test is skipped, and by go test -short.
func File(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a server, and the tests are to be short")
	}
	path, err := find()
	if err != nil && os.Getenv(EnvRequire) == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

// Start runs a server until the test ends. Where there is no temporal program the test is skipped.
func Start(t testing.TB) *Server { return start(t, "") }

// StartWithUI is Start with the web UI beside it.
func StartWithUI(t testing.TB) *Server {
	t.Helper()
	address, err := loopback.Address()
	if err != nil {
		t.Fatalf("find a port for the web UI: %v", err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("find a port for the web UI: %v", err)
	}
	server := start(t, port)
	server.UI = "http://" + address
	return server
}

func start(t testing.TB, uiPort string) *Server {
	t.Helper()
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath:  File(t),
		EnableUI:      uiPort != "",
		UIPort:        uiPort,
		ClientOptions: &client.Options{Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))},
		LogLevel:      "error",
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		t.Fatalf("start temporal: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stop temporal: %v", err)
		}
	})
	return &Server{Address: server.FrontendHostPort(), Client: server.Client()}
}

func find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		return path, nil
	}
	// Packages lie one or two folders below the repository's root.
	for _, root := range []string{"..", filepath.Join("..", "..")} {
		path, err := filepath.Abs(filepath.Join(root, "bin", "temporal"))
		if err != nil {
			continue
		}
		if _, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no Temporal server to test against: put the program at bin/temporal or on PATH, or name it in %s",
		EnvBinary)
}
