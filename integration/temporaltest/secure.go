package temporaltest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"

	"go.temporal.io/api/proxy"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Door is a way to a server that speaks TLS.
type Door struct {
	// Address is host:port, on a free loopback port.
	Address string

	mu   sync.Mutex
	keys []string
}

// Keys are the values of the header "authorization" that came with requests, each once.
func (d *Door) Keys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.keys)
}

// Secure opens a door to the server until the test ends. Where apiKey is not empty, only requests that bring it are let in.
func (s *Server) Secure(t testing.TB, config *tls.Config, apiKey string) *Door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("open a TLS port: %v", err)
	}
	service, err := proxy.NewWorkflowServiceProxyServer(proxy.WorkflowServiceProxyOptions{Client: s.Client.WorkflowService()})
	if err != nil {
		t.Fatalf("pass requests on to Temporal: %v", err)
	}
	d := &Door{Address: listener.Addr().String()}
	front := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if !d.admits(ctx, apiKey) {
				return nil, status.Error(codes.PermissionDenied, "Request unauthorized.")
			}
			answer, err := next(ctx, request)
			if err != nil {
				err = serviceerror.ToStatus(err).Err()
			}
			return answer, err
		}))
	workflowservice.RegisterWorkflowServiceServer(front, service)
	go front.Serve(listener)
	t.Cleanup(front.Stop)
	return d
}

func (d *Door) admits(ctx context.Context, apiKey string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	brought := metadata.ValueFromIncomingContext(ctx, "authorization")
	admitted := apiKey == ""
	for _, key := range brought {
		admitted = admitted || key == "Bearer "+apiKey
		if !slices.Contains(d.keys, key) {
			d.keys = append(d.keys, key)
		}
	}
	return admitted
}
