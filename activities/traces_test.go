package activities

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// An epoch's spans say what its time went into.
func TestEpochIsTraced(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	spans := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	s := newMemory()
	in := firstEpoch(t, s)
	in.Spec.KNN.EveryEpochs = 1
	pretrainOn(t, newActivities(t, s), in)
	var names []string
	for _, span := range spans.GetSpans() {
		names = append(names, span.Name)
	}
	require.Equal(t, []string{spanTrain, spanMonitor, spanCheckpoint}, slices.Compact(names))
}
