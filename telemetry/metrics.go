package telemetry

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"twinview/experiment"
	"twinview/storage"
)

// Metrics are those of one worker. Labels take few values: stages, kinds of activity, kinds of error. The name of the
// experiment, of which there is no end, stands in twinview_training_info alone, and there one at a time. Methods may be called
// side by side, and on nil.
type Metrics struct {
	registry *prometheus.Registry

	steps, views, seconds, dataWait *prometheus.CounterVec
	loss, rate, epoch, training     *prometheus.GaugeVec
	epochs                          *prometheus.CounterVec
	knn, validation                 *prometheus.GaugeVec

	checkpointSeconds *prometheus.HistogramVec
	checkpointBytes   *prometheus.CounterVec
	rollBacks         *prometheus.CounterVec
	attempts          *prometheus.CounterVec

	storeRequests, storeRetries *prometheus.CounterVec
	storeSeconds                *prometheus.HistogramVec

	ready, build *prometheus.GaugeVec
	polling      atomic.Bool
}

// Kinds of checkpoints.
const (
	// WholeEpoch is the state between two epochs, which stays.
	WholeEpoch = "epoch"
	// InsideEpoch is one between two steps, which goes when the epoch is recorded.
	InsideEpoch = "inside_epoch"
)

// Reasons to go back to an earlier checkpoint.
const (
	// Damaged is a checkpoint that could not be read back.
	Damaged = "damaged"
	// Diverged is a loss that was no number any more.
	Diverged = "diverged"
)

// Outcomes of attempts beside the types of errors.
const (
	OK        = "ok"
	Cancelled = "cancelled"
)

// trained are the stages that take training steps.
var trained = []string{
	experiment.StagePretrain, experiment.StageLinear, experiment.StageLinearAugmented, experiment.StageFinetune,
	experiment.StageAblation,
}

// NewMetrics are a worker's, with those of its process and of the Go runtime. Counters whose labels are known beforehand begin
// at 0, so that their first increase is seen.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector(),
	)
	m.registerTraining()
	m.registerDurability()
	m.registerStore()
	m.ready = m.gauge("twinview_worker_ready", "1 while the worker polls for work, 0 before and after.")
	m.build = m.gauge("twinview_build_info", "1; the labels say which program this is.", "version", "go", "engine")
	m.ready.WithLabelValues().Set(0)
	return m
}

func (m *Metrics) registerTraining() {
	m.steps = m.counter("twinview_training_steps_total", "Optimiser steps taken.", "stage")
	m.views = m.counter("twinview_training_views_total", "Images that training steps took: augmented views, or rows of features in linear evaluation.", "stage")
	m.seconds = m.counter("twinview_training_seconds_total", "Time of training steps, from loading to update.", "stage")
	m.dataWait = m.counter("twinview_training_data_wait_seconds_total",
		"Part of twinview_training_seconds_total in which a step waited for its batch.", "stage")
	m.epochs = m.counter("twinview_epochs_total", "Epochs trained and recorded.", "stage")
	m.loss = m.gauge("twinview_training_loss", "Loss of the last step.", "stage")
	m.rate = m.gauge("twinview_training_learning_rate", "Learning rate of the last step.", "stage")
	m.epoch = m.gauge("twinview_training_epoch", "Number of the epoch that is trained, or was last.", "stage")
	m.training = m.gauge("twinview_training_info", "1 for what is computed now; nothing while the worker is idle.",
		"experiment", "stage")
	m.knn = m.gauge("twinview_knn_accuracy_ratio",
		"Accuracy of the k nearest neighbours on the validation split, as last measured.")
	m.validation = m.gauge("twinview_validation_accuracy_ratio", "Accuracy of a classifier on the validation split, as last measured; of linear evaluation, its best epoch's.",
		"stage")
	for _, stage := range trained {
		for _, c := range []*prometheus.CounterVec{m.steps, m.views, m.seconds, m.dataWait, m.epochs} {
			c.WithLabelValues(stage)
		}
	}
}

func (m *Metrics) registerDurability() {
	m.checkpointSeconds = m.histogram("twinview_checkpoint_seconds",
		"Time to write a checkpoint and to store it. Training goes on meanwhile where it is inside an epoch.",
		prometheus.ExponentialBuckets(0.05, 2, 12), "kind")
	m.checkpointBytes = m.counter("twinview_checkpoint_bytes_total", "Bytes of the checkpoints stored.", "kind")
	m.rollBacks = m.counter("twinview_roll_backs_total", "How often training went back to an earlier checkpoint, and why.", "reason")
	m.attempts = m.counter("twinview_attempts_total",
		"Attempts at activities. The outcome is \"ok\", \"cancelled\" or the type of the error.", "activity", "outcome")
	for _, kind := range []string{WholeEpoch, InsideEpoch} {
		m.checkpointSeconds.WithLabelValues(kind)
		m.checkpointBytes.WithLabelValues(kind)
	}
	for _, reason := range []string{Damaged, Diverged} {
		m.rollBacks.WithLabelValues(reason)
	}
}

func (m *Metrics) registerStore() {
	m.storeRequests = m.counter("twinview_store_requests_total",
		"Operations on the object store, each try counted, by what came of it.", "operation", "outcome")
	m.storeRetries = m.counter("twinview_store_retries_total", "Tries after a first one that failed.", "operation")
	m.storeSeconds = m.histogram("twinview_store_request_seconds", "Time of a try.",
		prometheus.ExponentialBuckets(0.002, 4, 8), "operation")
	for _, operation := range storage.Operations() {
		m.storeRequests.WithLabelValues(operation, storage.OutcomeOK)
		m.storeRetries.WithLabelValues(operation)
		m.storeSeconds.WithLabelValues(operation)
	}
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// label is a stage without what comes after a slash: the arms of an ablation, of which a spec may name any, are one.
func label(stage string) string {
	name, _, _ := strings.Cut(stage, "/")
	return name
}

// Gather is all that /metrics serves.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }
