package activities

import (
	"context"
	"sync"

	"go.temporal.io/sdk/activity"

	"twinview/experiment"
)

// keptCheckpoints is how many checkpoints inside an epoch a heartbeat names: the newest, and the one before it in case that
// the newest can't be read back.
const keptCheckpoints = 2

// pulse is an attempt's heartbeat: the newest position that the work has reported, and the checkpoints from which another
// attempt can go on. Its methods may be called side by side.
type pulse struct {
	send func(experiment.Heartbeat)
	// sending keeps heartbeats in order. It is another lock than mu's: a report must not wait for the network.
	sending sync.Mutex

	mu     sync.Mutex
	newest experiment.Heartbeat
}

// newPulse begins with the checkpoints that earlier attempts have left in the activity's heartbeat details.
func newPulse(ctx context.Context, first experiment.Heartbeat) *pulse {
	// The end of the work should not break off a heartbeat on its way.
	ctx = context.WithoutCancel(ctx)
	var last experiment.Heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &last); err != nil {
			logger(ctx).Warn("read the last attempt's heartbeat: begin with the epoch", "error", err)
		}
	}
	first.Checkpoints, first.Unexpected = last.Checkpoints, last.Unexpected
	return &pulse{newest: first, send: func(h experiment.Heartbeat) { activity.RecordHeartbeat(ctx, h) }}
}

// report notes where the work is.
func (p *pulse) report(h experiment.Heartbeat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.ResumedAt, h.Checkpoints, h.Unexpected = p.newest.ResumedAt, p.newest.Checkpoints, p.newest.Unexpected
	h.Hardware = p.newest.Hardware
	p.newest = h
}

// position is the newest heartbeat.
func (p *pulse) position() experiment.Heartbeat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest
}

// beat sends the newest position now.
func (p *pulse) beat() {
	p.sending.Lock()
	defer p.sending.Unlock()
	p.send(p.position())
}

// resume notes that the attempt goes on from the first of these checkpoints, or from the beginning where there is none.
func (p *pulse) resume(checkpoints []experiment.StepCheckpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest.Checkpoints = checkpoints
	if len(checkpoints) > 0 {
		p.newest.ResumedAt = checkpoints[0].Step
	}
}

// unexpected counts one more error that nobody foresaw and sends the number, for the next attempt to know.
func (p *pulse) unexpected() int {
	p.mu.Lock()
	p.newest.Unexpected++
	n := p.newest.Unexpected
	p.mu.Unlock()
	p.beat()
	return n
}

// publish puts a checkpoint before the others and sends it at once. It returns those that are named no more.
func (p *pulse) publish(c experiment.StepCheckpoint) (dropped []experiment.StepCheckpoint) {
	p.mu.Lock()
	all := append([]experiment.StepCheckpoint{c}, p.newest.Checkpoints...)
	kept := min(keptCheckpoints, len(all))
	p.newest.Checkpoints = all[:kept:kept]
	p.mu.Unlock()
	p.beat()
	return all[kept:]
}
