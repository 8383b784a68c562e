// Package activities holds the side effects of an experiment. Each activity fetches what it needs from the object store,
// calls one of the packages below, stores what came out and returns a small result. All of them can be killed at any
// point and run again: artifacts are immutable, training is deterministic, and an epoch whose record is in the store is
// not trained twice.
package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"twinview/engine"
	"twinview/experiment"
	"twinview/hardware"
	"twinview/telemetry"
	"twinview/train"
)

// Store is what the activities need of the object store. *storage.Store implements it; its errors, which package storage
// names, decide what is retried.
type Store interface {
	Put(ctx context.Context, key string, data []byte, contentType string) (experiment.Artifact, error)
	PutFile(ctx context.Context, key, path, contentType string) (experiment.Artifact, error)
	Get(ctx context.Context, a experiment.Artifact) ([]byte, error)
	GetFile(ctx context.Context, a experiment.Artifact, path string) error
	Stat(ctx context.Context, key string) (experiment.Artifact, error)
	List(ctx context.Context, prefix string) ([]experiment.Artifact, error)
	Move(ctx context.Context, from, to string) error
	Remove(ctx context.Context, key string) error
}

// DefaultGrace is time enough to end a training step and to store a checkpoint.
const DefaultGrace = 30 * time.Second

// Activities are the activities of one worker. Its methods may run side by side; those of RegisterTrain run one at a time,
// since each uses the whole machine.
type Activities struct {
	Store Store
	// Compile makes the compiler that a spec asks for.
	Compile func(experiment.Compute) engine.Compiler
	// CacheDir holds copies of data sets, verified before use. It can be deleted at any time.
	CacheDir string
	// Identity names this worker in results.
	Identity string
	// Queue is this worker's own task queue, where the epoch after one of its own finds the state in memory; empty where it
	// has none.
	Queue string
	// Grace is how long this worker waits for its activities when it stops, 0 for DefaultGrace.
	Grace time.Duration
	// Ahead is how long an epoch that this worker has begun ahead goes on without being asked for once the one before it is
	// recorded; 0 for beginning none. See DefaultAhead.
	Ahead time.Duration
	// ArtifactsURL is where browsers find the bucket, for links in Temporal's web UI; see experiment.PreparedData.
	ArtifactsURL string
	// Metrics are told what happens here; nil for nobody.
	Metrics *telemetry.Metrics
	// Energy counts what the device takes beside the processors.
	Energy []hardware.Counter
	// Hardware and Versions describe this worker in reports; see report.Input.
	Hardware string
	Versions map[string]string

	data   splits
	states latest
	device device
	ahead  ahead
}

// RegisterGeneral adds the activities that move bytes.
func (a *Activities) RegisterGeneral(r worker.ActivityRegistry) {
	register(r, experiment.ActivityPrepareData, a.PrepareData)
	register(r, experiment.ActivitySelectCheckpoint, a.SelectCheckpoint)
	register(r, experiment.ActivitySelectFinetuned, a.SelectFinetuned)
	register(r, experiment.ActivitySelectLinearAugmented, a.SelectLinearAugmented)
	register(r, experiment.ActivityWriteReport, a.WriteReport)
	register(r, experiment.ActivityPruneCheckpoints, a.PruneCheckpoints)
	register(r, experiment.ActivityRollBack, a.RollBack)
}

// RegisterTrain adds the activities that compute. Of all queues of one worker, one of them runs at a time.
func (a *Activities) RegisterTrain(r worker.ActivityRegistry) {
	register(r, experiment.ActivityPretrainEpoch, alone(a, a.PretrainEpoch))
	register(r, experiment.ActivityMonitorEpoch, alone(a, a.MonitorEpoch))
	register(r, experiment.ActivityEvaluateLinear, alone(a, a.EvaluateLinear))
	register(r, experiment.ActivityLinearAugmentedEpoch, alone(a, a.LinearAugmentedEpoch))
	register(r, experiment.ActivityFinetuneEpoch, alone(a, a.FinetuneEpoch))
	register(r, experiment.ActivityEvaluateTest, alone(a, a.EvaluateTest))
}

func register(r worker.ActivityRegistry, name string, f any) {
	r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
}

// options are train's for one activity.
func (a *Activities) options(spec *experiment.Spec, onStep func(experiment.Heartbeat)) train.Options {
	return train.Options{
		Compile: a.Compile(spec.Compute), OnStep: onStep,
		OnStepStats: func(s train.StepStats) { a.Metrics.Step(telemetry.Step(s)) },
	}
}

// latest holds the training state that this worker published last, so that the next epoch need not fetch what the last
// one had in memory.
type latest struct {
	mu     sync.Mutex
	sha256 string
	state  *train.State
}

func (l *latest) put(sha256 string, s *train.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sha256, l.state = sha256, s
}

// take gives the state away, since whoever trains on changes it, or returns nil where it is another one.
func (l *latest) take(sha256 string) *train.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == nil || l.sha256 != sha256 {
		return nil
	}
	s := l.state
	l.sha256, l.state = "", nil
	return s
}
