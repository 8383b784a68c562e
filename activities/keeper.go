package activities

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"

	"twinview/experiment"
	"twinview/layout"
	"twinview/storage"
	"twinview/telemetry"
	"twinview/train"
)

const (
	// droppedFor is how long a checkpoint stays in the store after heartbeats stopped naming it. An attempt that is killed
	// may have sent its last one that long ago.
	droppedFor = time.Minute
	// tidyTimeout bounds the removal of checkpoints that nobody needs.
	tidyTimeout = 20 * time.Second
)

// keeper takes checkpoints inside an epoch, so that an attempt that is killed loses no more than what came after the last
// of them, and finds those that earlier attempts took. Training waits for the copy of the state alone: writing and storing
// it goes on beside, one checkpoint at a time.
type keeper struct {
	a *Activities
	// mu guards attended, and what attend replaces until that is true. attended is false while the epoch is trained ahead, and no
	// activity has asked for it.
	mu       sync.Mutex
	attended bool
	ctx      context.Context
	p        *pulse
	log      log.Logger
	// spec is what the epoch is trained under.
	spec *experiment.Spec
	// key is that of the epoch's own checkpoint, attempt sets this attempt's keys apart.
	key, attempt string
	// given is where the epoch begins, nil where that is to be found.
	given *train.State
	// every is the time between two checkpoints, 0 for none; last is when one was taken.
	every time.Duration
	last  time.Time

	// usage is what this attempt took of the machine so far, before what earlier ones did up to where it went on.
	usage  func() *experiment.Usage
	before *experiment.Usage

	// cancel ends the storing that is under way, until stored is closed; both are nil where none ever was.
	cancel context.CancelFunc
	stored chan struct{}
	// dropped are checkpoints that heartbeats name no more. The one who stores owns them.
	dropped []dropped
}

// manifest is the JSON beside a checkpoint inside an epoch.
type manifest struct {
	Version int `json:"version,omitempty"`
	experiment.StepCheckpoint
}

type dropped struct {
	key   string
	since time.Time
}

func (a *Activities) newKeeper(ctx context.Context, spec *experiment.Spec, key string, p *pulse) *keeper {
	info := activity.GetInfo(ctx)
	return &keeper{
		ctx: ctx, a: a, p: p, key: key, spec: spec, attended: true,
		log:     logger(ctx),
		attempt: fmt.Sprintf("attempt-%d-%s", info.Attempt, strings.ToLower(rand.Text()[:8])),
		every:   time.Duration(spec.Checkpoints.EverySeconds * float64(time.Second)),
		last:    time.Now(),
	}
}

// attend lets the activity of the keeper other take over an epoch that was begun ahead.
func (k *keeper) attend(other *keeper) {
	k.mu.Lock()
	defer k.mu.Unlock()
	other.p.report(k.p.position())
	other.p.resume(nil)
	k.ctx, k.p, k.log, k.attempt, k.attended = other.ctx, other.p, other.log, other.attempt, true
}

// isAttended says whether an activity waits for the epoch. Once it does, the keeper's fields stay as they are.
func (k *keeper) isAttended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.attended
}

// report is train's Options.OnStep.
func (k *keeper) report(h experiment.Heartbeat) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.p.report(h)
}

// measure begins to measure what this attempt takes of the machine, until ctx ends.
func (k *keeper) measure(ctx context.Context) { k.usage = k.a.measure(ctx) }

// used is what the epoch has taken so far, without the steps that were lost.
func (k *keeper) used() *experiment.Usage { return k.usage().After(k.before) }

// options are train's for the epoch.
func (k *keeper) options(spec *experiment.Spec) train.Options {
	o := k.a.options(spec, k.report)
	if k.every > 0 {
		o.Between = k.between
	}
	return o
}

// state is where the epoch of that number goes on, as resume finds it. Epoch 0, which trains nothing, has its own state.
func (k *keeper) state(epoch int, beginning func() (*train.State, error)) (*train.State, error) {
	s := k.given
	if s == nil {
		var err error
		if s, err = k.resume(beginning); err != nil {
			return nil, err
		}
	}
	if s.Epoch != max(0, epoch-1) {
		return nil, fmt.Errorf("%w: the checkpoint is of epoch %d, but epoch %d is to be trained",
			train.ErrOtherState, s.Epoch, epoch)
	}
	return s, nil
}

// resume reads the newest checkpoint of earlier attempts that can be read back, else it begins.
func (k *keeper) resume(beginning func() (*train.State, error)) (*train.State, error) {
	left, err := k.left()
	if err != nil {
		return nil, err
	}
	for i, c := range left {
		s, err := k.read(c)
		if err == nil {
			k.before = c.Usage
			k.p.resume(left[i:min(i+keptCheckpoints, len(left))])
			k.p.beat()
			k.log.Info("go on inside the epoch", "step", c.Step, "checkpoint", c.Checkpoint.Key)
			return s, nil
		}
		// One of another plan was left by an experiment that failed after its number of epochs had been changed.
		if !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, train.ErrOtherState) {
			return nil, err
		}
		k.log.Warn("a checkpoint inside the epoch is lost: take the one before it", "step", c.Step, "error", err)
	}
	if len(left) > 0 {
		k.log.Warn("no checkpoint inside the epoch is left: begin it anew")
	}
	k.p.resume(nil)
	return beginning()
}

// left lists the checkpoints that earlier attempts took, the newest first. The store says which there are: the last heartbeat of
// a killed worker may not have been sent, and an attempt under a new activity finds no heartbeat at all.
func (k *keeper) left() ([]experiment.StepCheckpoint, error) {
	left := slices.Clone(k.p.position().Checkpoints)
	if k.every == 0 {
		return left, nil
	}
	stored, err := k.a.Store.List(k.ctx, partialPrefix(k.key))
	if err != nil {
		return nil, err
	}
	for _, a := range stored {
		if path.Ext(a.Key) != ".json" {
			continue
		}
		c, err := k.manifest(a)
		if errors.As(err, new(*experiment.VersionError)) {
			return nil, err // what a newer worker has done is not lost
		}
		if err != nil {
			k.log.Warn("a checkpoint inside the epoch is lost", "error", err)
			continue
		}
		if !slices.ContainsFunc(left, func(l experiment.StepCheckpoint) bool { return l.Checkpoint.Key == c.Checkpoint.Key }) {
			left = append(left, c)
		}
	}
	slices.SortStableFunc(left, func(a, b experiment.StepCheckpoint) int { return cmp.Compare(b.Step, a.Step) })
	return left, nil
}

// manifest reads what was written beside a checkpoint when that was complete.
func (k *keeper) manifest(a experiment.Artifact) (c experiment.StepCheckpoint, err error) {
	if err := layout.CheckSize(a); err != nil {
		return c, fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	data, err := k.a.Store.Get(k.ctx, a)
	if err != nil {
		return c, err
	}
	var m manifest
	err = layout.Decode(data, "manifest "+a.Key, layout.ManifestVersion, &m)
	if err == nil || errors.As(err, new(*experiment.VersionError)) {
		return m.StepCheckpoint, err
	}
	return c, fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
}

func (k *keeper) read(c experiment.StepCheckpoint) (*train.State, error) {
	if !strings.HasPrefix(c.Checkpoint.Key, partialPrefix(k.key)) {
		return nil, fmt.Errorf("%w: %s is none of %s", storage.ErrCorrupt, c.Checkpoint.Key, k.key)
	}
	s, err := k.a.state(k.ctx, c.Checkpoint)
	if err != nil {
		return nil, err
	}
	if err := s.Of(k.spec); err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", c.Checkpoint.Key, err)
	}
	if s.StepsDone() != c.Step {
		return nil, fmt.Errorf("%w: %s is at step %d instead of %d", storage.ErrCorrupt, c.Checkpoint.Key, s.StepsDone(), c.Step)
	}
	return s, nil
}

// between is train's Options.Between: it takes a checkpoint where one is due, and where the attempt is to be handed back.
func (k *keeper) between(snapshot func() (*train.State, error)) error {
	if !k.isAttended() {
		return nil
	}
	if cause := context.Cause(k.ctx); handsBack(cause) {
		return k.handBack(cause, snapshot)
	}
	if k.ctx.Err() != nil || !k.due() || k.storing() {
		return nil
	}
	s, err := snapshot()
	if err != nil {
		return err
	}
	k.last = time.Now()
	usage := k.used()
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.ctx))
	k.cancel, k.stored = cancel, make(chan struct{})
	go func() {
		defer close(k.stored)
		defer cancel()
		if err := k.store(ctx, s, usage); err != nil && ctx.Err() == nil {
			k.log.Warn("store a checkpoint inside the epoch: the next one is tried again", "error", err)
		}
	}()
	return nil
}

// due says whether it is time for a checkpoint. Behind the epoch's last step less than the full time is enough: what
// follows, measuring and publishing, can take long.
func (k *keeper) due() bool {
	wait := k.every
	if at := k.p.position(); at.Step == at.Steps {
		wait /= 4
	}
	return time.Since(k.last) >= wait
}

// storing says whether a checkpoint is on its way to the store.
func (k *keeper) storing() bool {
	if k.stored == nil {
		return false
	}
	select {
	case <-k.stored:
		return false
	default:
		return true
	}
}

// abandon gives up the checkpoint on its way, and returns when nothing is written any more.
func (k *keeper) abandon() {
	if k.stored == nil {
		return
	}
	k.cancel()
	<-k.stored
}

// settle lets the checkpoint on its way arrive, as another attempt will want it, but does not wait for ever.
func (k *keeper) settle() {
	if k.stored == nil {
		return
	}
	select {
	case <-k.stored:
	case <-time.After(k.grace() * 2 / 3):
	}
}

// handBack publishes a last checkpoint for whoever goes on, and ends the epoch here.
func (k *keeper) handBack(cause error, snapshot func() (*train.State, error)) error {
	// The older one is not worth the time that it takes.
	k.abandon()
	s, err := snapshot()
	if err != nil {
		return err
	}
	// The rest of the grace is for telling Temporal.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), k.grace()*2/3)
	defer cancel()
	if err := k.store(ctx, s, k.used()); err != nil {
		k.log.Warn("store a last checkpoint inside the epoch: go on from the one before it", "error", err)
		return cause
	}
	k.log.Info("stopped inside the epoch", "step", s.StepsDone(), "cause", cause)
	if errors.Is(cause, activity.ErrActivityPaused) {
		// The SDK flushes a heartbeat that it holds back when a worker stops, but not when an activity is paused.
		time.Sleep(HeartbeatInterval + time.Second)
	}
	return cause
}

func (k *keeper) grace() time.Duration {
	if k.a.Grace == 0 {
		return DefaultGrace
	}
	return k.a.Grace
}

// store writes a checkpoint and then its manifest, tells Temporal of it, and removes what it made superfluous.
func (k *keeper) store(ctx context.Context, s *train.State, usage *experiment.Usage) (err error) {
	start := time.Now()
	ctx, end := telemetry.Span(ctx, spanCheckpoint)
	defer func() { end(err) }()
	key := partialKey(k.key, k.attempt, s.StepsDone())
	var data bytes.Buffer
	if err := s.Write(&data); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", key, err)
	}
	artifact, err := k.a.Store.Put(ctx, key, data.Bytes(), typeBinary)
	if err != nil {
		return err
	}
	taken := experiment.StepCheckpoint{Step: s.StepsDone(), Checkpoint: artifact, Usage: usage}
	beside, err := json.Marshal(manifest{layout.ManifestVersion, taken})
	if err != nil {
		return fmt.Errorf("write %s: %w", recordKey(key), err)
	}
	if _, err := k.a.Store.Put(ctx, recordKey(key), beside, typeJSON); err != nil {
		return err
	}
	k.a.Metrics.Checkpoint(telemetry.InsideEpoch, time.Since(start), artifact.Size)
	for _, c := range k.p.publish(taken) {
		k.dropped = append(k.dropped, dropped{c.Checkpoint.Key, time.Now()})
	}
	for len(k.dropped) > 0 && time.Since(k.dropped[0].since) > droppedFor {
		if err := k.remove(ctx, k.dropped[0].key); err != nil {
			return err
		}
		k.dropped = k.dropped[1:]
	}
	return nil
}

// remove takes a checkpoint away, its manifest first: what has one is complete.
func (k *keeper) remove(ctx context.Context, checkpoint string) error {
	if err := k.a.Store.Remove(ctx, recordKey(checkpoint)); err != nil {
		return err
	}
	return k.a.Store.Remove(ctx, checkpoint)
}

// discard removes all checkpoints inside the epoch, those of earlier attempts too. What it can't remove does no harm.
func (k *keeper) discard() {
	if k.every == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), tidyTimeout)
	defer cancel()
	if err := k.a.removeInside(ctx, k.key); err != nil {
		k.log.Warn("remove checkpoints inside the epoch", "error", err)
	}
}

// handsBack says whether a context has ended so that another attempt, later or elsewhere, goes on with the work. So it does
// where Temporal takes no heartbeat of this attempt any more. An attempt that is cancelled does not know whether the experiment
// is, or is only paused.
func handsBack(cause error) bool {
	if cause == nil || errors.Is(cause, context.Canceled) {
		return false
	}
	return !errors.Is(cause, activity.ErrActivityReset) && !errors.Is(cause, context.DeadlineExceeded)
}
