package telemetry

import (
	"time"

	"twinview/storage"
)

// Step is what one training step was.
type Step struct {
	Stage string
	// Views is the number of images in it.
	Views int
	// Seconds is its time, DataWaitSeconds the part in which it waited for its batch.
	Seconds, DataWaitSeconds float64
	Loss, LearningRate       float64
}

// Step counts a training step.
func (m *Metrics) Step(s Step) {
	if m == nil {
		return
	}
	stage := label(s.Stage)
	m.steps.WithLabelValues(stage).Inc()
	m.views.WithLabelValues(stage).Add(float64(s.Views))
	m.seconds.WithLabelValues(stage).Add(s.Seconds)
	m.dataWait.WithLabelValues(stage).Add(s.DataWaitSeconds)
	m.loss.WithLabelValues(stage).Set(s.Loss)
	m.rate.WithLabelValues(stage).Set(s.LearningRate)
}

// Begin says what the worker computes from now on, until the function that it returns is called.
func (m *Metrics) Begin(experiment, stage string, epoch int) (end func()) {
	if m == nil {
		return func() {}
	}
	m.training.WithLabelValues(experiment, label(stage)).Set(1)
	if epoch > 0 {
		m.epoch.WithLabelValues(label(stage)).Set(float64(epoch))
	}
	return func() { m.training.DeleteLabelValues(experiment, label(stage)) }
}

// EpochsDone counts epochs that were trained here.
func (m *Metrics) EpochsDone(stage string, n int) {
	if m != nil {
		m.epochs.WithLabelValues(label(stage)).Add(float64(n))
	}
}

// KNN notes the monitor's accuracy, a fraction; nil where it was not measured.
func (m *Metrics) KNN(accuracy *float64) {
	if m != nil && accuracy != nil {
		m.knn.WithLabelValues().Set(*accuracy)
	}
}

// Validation notes a classifier's accuracy on the validation split, a fraction.
func (m *Metrics) Validation(stage string, accuracy float64) {
	if m != nil {
		m.validation.WithLabelValues(label(stage)).Set(accuracy)
	}
}

// Checkpoint counts a checkpoint of one of the kinds that has reached the store.
func (m *Metrics) Checkpoint(kind string, took time.Duration, bytes int64) {
	if m == nil {
		return
	}
	m.checkpointSeconds.WithLabelValues(kind).Observe(took.Seconds())
	m.checkpointBytes.WithLabelValues(kind).Add(float64(bytes))
}

// RollBack counts a return to an earlier checkpoint for one of the reasons.
func (m *Metrics) RollBack(reason string) {
	if m != nil {
		m.rollBacks.WithLabelValues(reason).Inc()
	}
}

// Attempt counts an attempt at an activity that has ended.
func (m *Metrics) Attempt(activity, outcome string) {
	if m != nil {
		m.attempts.WithLabelValues(activity, outcome).Inc()
	}
}

// Store counts a try of an operation on the object store. It is made for storage.Store.Observe.
func (m *Metrics) Store(t storage.Try) {
	if m == nil {
		return
	}
	m.storeRequests.WithLabelValues(t.Operation, t.Outcome).Inc()
	m.storeSeconds.WithLabelValues(t.Operation).Observe(t.Seconds)
	if t.Number > 1 {
		m.storeRetries.WithLabelValues(t.Operation).Inc()
	}
}

// Ready notes whether the worker polls.
func (m *Metrics) Ready(polling bool) {
	if m == nil {
		return
	}
	m.polling.Store(polling)
	value := 0.
	if polling {
		value = 1
	}
	m.ready.WithLabelValues().Set(value)
}

// Program says which program this is. Versions are those of package activities.
func (m *Metrics) Program(versions map[string]string) {
	if m != nil {
		m.build.WithLabelValues(versions["twinview"], versions["go"], versions["engine"]).Set(1)
	}
}
