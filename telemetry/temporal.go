package telemetry

import (
	"fmt"
	"strings"

	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"twinview/experiment"
)

// latencies are the bounds of the SDK's histograms in seconds: a request takes milliseconds, an epoch hours.
var latencies = []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600, 3600, 6 * 3600}

// Temporal is the metrics of Temporal's SDK, for the options of a client: temporal_request_total and the others that Temporal
// documents, among the worker's own.
func (m *Metrics) Temporal() (client.MetricsHandler, error) {
	exporter, err := otelprom.New(otelprom.WithRegisterer(m.registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("export the metrics of Temporal's SDK: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithView(described))
	return fewQueues{opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: provider.Meter("temporal-sdk-go"), UseMonotonicCounters: true, OnError: func(error) {},
	})}, nil
}

// described gives every instrument of the SDK, which has none, a help text, and histograms their bounds.
func described(i metric.Instrument) (metric.Stream, bool) {
	s := metric.Stream{
		Name: i.Name, Unit: i.Unit,
		Description: "Of Temporal's SDK for Go: https://docs.temporal.io/references/sdk-metrics",
	}
	if i.Kind == metric.InstrumentKindHistogram {
		s.Aggregation = metric.AggregationExplicitBucketHistogram{Boundaries: latencies}
	}
	return s, true
}

// tagQueue is the SDK's label for a task queue. OwnQueue stands in it for a worker's own queue, whose name is another after
// each start.
const (
	tagQueue = "task_queue"
	OwnQueue = experiment.QueueTrain + "/own"
)

// fewQueues gives all workers' own queues one name.
type fewQueues struct{ client.MetricsHandler }

func (h fewQueues) WithTags(tags map[string]string) client.MetricsHandler {
	if strings.HasPrefix(tags[tagQueue], experiment.QueueTrainOf("")) {
		changed := map[string]string{}
		for name, value := range tags {
			changed[name] = value
		}
		changed[tagQueue] = OwnQueue
		tags = changed
	}
	return fewQueues{h.MetricsHandler.WithTags(tags)}
}

// Unwrap is for the SDK's interceptors.
func (h fewQueues) Unwrap() client.MetricsHandler { return h.MetricsHandler }
