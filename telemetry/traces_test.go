package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collect is a collector that OpenTelemetry's variables name for the test; it returns what it has been sent.
func collect(t *testing.T) func() []*traces.ResourceSpans {
	t.Helper()
	var mu sync.Mutex
	var all []*traces.ResourceSpans
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, sent.GetResourceSpans()...)
	}))
	t.Cleanup(server.Close)
	t.Setenv(envEndpoint, server.URL)
	return func() []*traces.ResourceSpans {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func open(t *testing.T) *Traces {
	t.Helper()
	opened, err := OpenTraces(t.Context(), slog.New(slog.DiscardHandler), "1@lab")
	require.NoError(t, err)
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })
	return opened
}

func TestSpansReachTheCollector(t *testing.T) {
	sent := collect(t)
	opened := open(t)
	interceptors, err := opened.Interceptors()
	require.NoError(t, err)
	require.Len(t, interceptors, 1)

	ctx, end := Span(t.Context(), "train")
	_, endInner := Span(ctx, "checkpoint")
	endInner(errors.New("disk full"))
	end(nil)
	require.NoError(t, opened.Close(context.WithoutCancel(t.Context())))

	require.Len(t, sent(), 1)
	about := map[string]string{}
	for _, a := range sent()[0].GetResource().GetAttributes() {
		about[a.GetKey()] = a.GetValue().GetStringValue()
	}
	require.Equal(t, "twinview-worker", about["service.name"])
	require.Equal(t, "1@lab", about["service.instance.id"])
	spans := sent()[0].GetScopeSpans()[0].GetSpans()
	require.Len(t, spans, 2)
	require.Equal(t, "checkpoint", spans[0].GetName())
	require.Equal(t, traces.Status_STATUS_CODE_ERROR, spans[0].GetStatus().GetCode())
	require.Equal(t, spans[1].GetSpanId(), spans[0].GetParentSpanId())
	require.Equal(t, traces.Status_STATUS_CODE_UNSET, spans[1].GetStatus().GetCode())
}

func TestNothingIsTracedUnlessAskedFor(t *testing.T) {
	for _, env := range []map[string]string{
		{},
		{envEndpoint: "http://127.0.0.1:1", envDisabled: "true"},
		{envEndpoint: "http://127.0.0.1:1", envExporter: "none"},
	} {
		for _, name := range []string{envEndpoint, envTracesEndpoint, envExporter, envDisabled} {
			t.Setenv(name, env[name])
		}
		opened := open(t)
		require.Nil(t, opened)
		interceptors, err := opened.Interceptors()
		require.NoError(t, err)
		require.Empty(t, interceptors)
		require.NoError(t, opened.Close(t.Context()))
		allocations := testing.AllocsPerRun(100, func() {
			_, end := Span(context.Background(), "train")
			end(nil)
		})
		require.LessOrEqual(t, allocations, 10., "a span that nobody wants costs next to nothing")
	}
}

func TestTracesRefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Setenv(envExporter, "zipkin")
	_, err := OpenTraces(t.Context(), slog.New(slog.DiscardHandler), "worker")
	require.EqualError(t, err, "OTEL_TRACES_EXPORTER=zipkin: must be otlp or none")
	t.Setenv(envExporter, "otlp")
	t.Setenv(envProtocol, "http/json")
	_, err = OpenTraces(t.Context(), slog.New(slog.DiscardHandler), "worker")
	require.EqualError(t, err, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json: must be http/protobuf or grpc")
}

// A collector that is away keeps nobody waiting, by either protocol.
func TestCollectorMayBeAway(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Setenv(envProtocol, protocol)
		t.Setenv(envEndpoint, "http://127.0.0.1:1")
		opened := open(t)
		start := time.Now()
		_, end := Span(t.Context(), "train")
		end(nil)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 200*time.Millisecond)
		if err := opened.Close(ctx); err != nil { // or the log says so
			require.ErrorContains(t, err, "send the last traces")
		}
		cancel()
		require.Less(t, time.Since(start), 5*time.Second)
	}
}
