package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers those who watch the worker: /metrics in Prometheus's formats, /healthz as long as the process lives, and
// /readyz with 200 while the worker polls for work, else with 503.
type Server struct {
	listener net.Listener
	server   http.Server
}

// Serve listens at host:port until Close.
func (m *Metrics) Serve(log *slog.Logger, address string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--metrics-address %s: %w: name another host:port, one for each worker of a machine", address, err)
	}
	s := &Server{listener: listener}
	s.server = http.Server{Handler: m.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics and health are not served any more", "address", address, "error", err)
		}
	}()
	return s, nil
}

// Address is host:port, with the port that was chosen where none was named.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends it at once.
func (s *Server) Close() error { return s.server.Close() }

func (m *Metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !m.polling.Load() {
			http.Error(w, "not polling: the log says what the worker waits for", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "polling")
	})
	return mux
}
