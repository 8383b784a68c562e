package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Variables of OpenTelemetry that decide whether there are traces. Its exporters read the others: headers, certificates, time-outs,
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER.
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envExporter       = "OTEL_TRACES_EXPORTER"
	envProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envDisabled       = "OTEL_SDK_DISABLED"
)

// tracing says whether the environment asks for traces: it names a collector, or the exporter "otlp" with its default one.
func tracing() (bool, error) {
	exporter := os.Getenv(envExporter)
	switch {
	case strings.EqualFold(os.Getenv(envDisabled), "true"), exporter == "none":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("%s=%s: must be otlp or none", envExporter, exporter)
	}
	return exporter == "otlp" || os.Getenv(envEndpoint) != "" || os.Getenv(envTracesEndpoint) != "", nil
}

// Traces are a worker's, where the environment asks for them.
type Traces struct {
	provider *sdktrace.TracerProvider
}

// OpenTraces sends spans to the collector that OpenTelemetry's variables name, and returns nil where they name none: then a span
// costs nothing. A collector that is away is said so in the log, and nothing waits for it.
func OpenTraces(ctx context.Context, log *slog.Logger, worker string) (*Traces, error) {
	asked, err := tracing()
	if err != nil || !asked {
		return nil, err
	}
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, err
	}
	// What the environment says of the service goes before what is said here.
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "twinview-worker"), attribute.String("service.instance.id", worker),
	), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("describe this worker to OpenTelemetry: check OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("send traces", "error", err) }))
	t := &Traces{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))}
	otel.SetTracerProvider(t.provider)
	return t, nil
}

func newExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	protocol := os.Getenv(envTracesProtocol)
	if protocol == "" {
		protocol = os.Getenv(envProtocol)
	}
	switch protocol {
	case "", "http/protobuf":
		e, err := otlptracehttp.New(ctx)
		return e, wrap(err)
	case "grpc":
		e, err := otlptracegrpc.New(ctx)
		return e, wrap(err)
	}
	return nil, fmt.Errorf("%s=%s: must be http/protobuf or grpc", envProtocol, protocol)
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("send traces: check OpenTelemetry's variables OTEL_EXPORTER_OTLP_…: %w", err)
}

// Interceptors are for the options of Temporal's client: they make spans of workflows, activities and what lies between them.
// They put the span's identity into headers of what a workflow starts, never into its own events, so histories that began without
// traces are replayed with them, and the other way round.
func (t *Traces) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if t == nil {
		return nil, nil
	}
	i, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.provider.Tracer("temporal-sdk-go"),
		// `starter watch` asks every second.
		DisableQueryTracing: true, DisableBaggage: true,
		// One that somebody else has begun may send what is no span of ours.
		AllowInvalidParentSpans: true,
	})
	if err != nil {
		return nil, fmt.Errorf("trace Temporal's calls: %w", err)
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// Close sends what has not been sent yet, as long as ctx lasts.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// Span begins a span of ours in the one that ctx carries. The function that it returns ends it with what came of it.
func Span(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	ctx, span := otel.Tracer("twinview").Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			span.RecordError(err)
			span.SetStatus(codes.Error, name+" failed")
		}
		span.End()
	}
}
