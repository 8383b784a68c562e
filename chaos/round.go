package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// stopTimeout is how long a worker may take to stop after SIGTERM: its grace and a little more.
const stopTimeout = 40 * time.Second

var (
	// errMissed is harm whose moment never came, as the experiment was over.
	errMissed = errors.New("its moment never came")
	// errBroken is a stack that no further round can use.
	errBroken = errors.New("the servers can't be used any more")
	// errOver ends what waits for something in an experiment that is over.
	errOver = errors.New("the experiment is over")
)

// round is one experiment to which harm is done.
type round struct {
	*stack
	plan
	dir string
	// from is the index of the round's first event, cursor that of the first one behind the harm done last.
	from, cursor int
	live         []*worker

	done, missed []*kind
	takeOvers    []time.Duration
	problems     []string
}

// outcome is what came of a round.
type outcome struct {
	plan
	seconds      float64
	done, missed []*kind
	ledger       ledger
	repeated     []time.Duration
	takeOvers    []time.Duration
	digests      map[string]string
	// differ are the digests that are not those of the undisturbed run.
	differ []string
	// problems say why the round failed; none, it passed.
	problems []string
	// broken ends the whole run.
	broken error
}

// play runs a round. Without an undisturbed one to compare with, it is that.
func (s *stack) play(ctx context.Context, p plan, undisturbed *outcome) outcome {
	began := time.Now()
	r := &round{stack: s, plan: p, dir: filepath.Join(s.dir, p.name()), from: s.timeline.now()}
	r.cursor = r.from
	o := outcome{plan: p}
	limited, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("not over within %s", s.limit))
	defer cancel()
	result, err := r.run(limited)
	if err != nil {
		r.problem("%v", err)
	}
	r.stopWorkers(ctx)
	if errors.Is(err, errBroken) || ctx.Err() != nil {
		o.broken = err
	}
	if err != nil {
		r.giveUp()
	} else if err := r.judge(limited, result, undisturbed, &o); err != nil {
		r.problem("%v", err)
	}
	o.seconds = time.Since(began).Seconds()
	o.done, o.missed, o.takeOvers, o.problems = r.done, r.missed, r.takeOvers, r.problems
	return o
}

func (r *round) problem(format string, arguments ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, arguments...))
}

// run submits the experiment, does the harm and returns what the experiment ends with.
func (r *round) run(ctx context.Context) (*experiment.Result, error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the round's folder: %w", err)
	}
	for range r.plan.workers {
		if err := r.startWorker(); err != nil {
			return nil, err
		}
	}
	rest := r.harms
	if len(rest) > 0 && rest[0].kind.atStart {
		if err := rest[0].kind.do(ctx, r, rest[0]); err != nil {
			return nil, err
		}
		r.done, rest = append(r.done, rest[0].kind), rest[1:]
	} else if err := r.submit(ctx); err != nil {
		return nil, err
	}
	harming, over := context.WithCancelCause(ctx)
	harmed := make(chan error, 1)
	go func() { harmed <- r.harm(harming, rest) }()
	result, err := r.await(ctx)
	over(errOver)
	return result, errors.Join(<-harmed, err)
}

// harm does all of it, one after the other.
func (r *round) harm(ctx context.Context, harms []harm) error {
	for _, h := range harms {
		err := h.kind.do(ctx, r, h)
		switch {
		case errors.Is(err, errMissed), errors.Is(err, errOver):
			r.missed = append(r.missed, h.kind)
		case err != nil:
			return fmt.Errorf("%s: %w", h, err)
		default:
			r.done = append(r.done, h.kind)
		}
		r.cursor = r.timeline.now()
	}
	return nil
}

// await returns the experiment's result. Temporal may come and go meanwhile.
func (r *round) await(ctx context.Context) (*experiment.Result, error) {
	for {
		var result experiment.Result
		err := r.client.GetWorkflow(ctx, r.name(), "").Get(ctx, &result)
		var failed *temporal.WorkflowExecutionError
		switch {
		case err == nil:
			return &result, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &failed):
			return nil, err
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// note writes harm into the timeline.
func (r *round) note(what string, fields ...string) {
	e := event{At: time.Now(), Source: "harm", What: what, Fields: map[string]string{}}
	for i := 0; i+1 < len(fields); i += 2 {
		e.Fields[fields[i]] = fields[i+1]
	}
	r.timeline.add(e)
}

// awaitTraining returns when a worker is at the epoch or a later one, and harm that is done then comes behind that done last.
func (r *round) awaitTraining(ctx context.Context, where place) error {
	if _, at := r.training(); at.order() >= where.order() {
		return ctx.Err()
	}
	_, err := r.timeline.await(ctx, r.cursor, func(e event) bool {
		return e.What == "begin" && placeOf(e).order() >= where.order() && e.Fields["experiment"] == r.name()
	})
	return err
}

// training is the worker that is at an epoch, and the epoch; nil where none is.
func (r *round) training() (*worker, place) {
	events, _ := r.timeline.since(r.from)
	over := map[string]bool{}
	for _, e := range slices.Backward(events) {
		switch e.What {
		case "end", "attempt failed", eventEnded:
			over[e.Source] = true
		case "begin":
			if placeOf(e).order() < 0 || over[e.Source] {
				over[e.Source] = true
				continue
			}
			for _, w := range r.live {
				if w.name == e.Source {
					return w, placeOf(e)
				}
			}
		}
	}
	return nil, place{}
}

// trainer is the worker that is at an epoch, or any where none is.
func (r *round) trainer() *worker {
	if w, _ := r.training(); w != nil {
		return w
	}
	return r.live[0]
}

func (r *round) startWorker() error {
	w, err := r.stack.startWorker(r.dir)
	if err != nil {
		return err
	}
	r.live = append(r.live, w)
	return nil
}

// end ends a worker and returns when all that it has logged is in the timeline.
func (r *round) end(w *worker, how func(*process)) {
	r.live = slices.DeleteFunc(r.live, func(other *worker) bool { return other == w })
	how(w.process)
	_, _ = r.timeline.await(context.Background(), r.from, func(e event) bool { return e.Source == w.name && e.What == eventEnded })
}

// stopGracefully ends a worker as its operator would.
func (r *round) stopGracefully(p *process) {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if p.err != nil {
			r.problem("a worker that got SIGTERM ended with %v", p.err)
		}
	case <-time.After(stopTimeout):
		r.problem("a worker that got SIGTERM still ran after %s", stopTimeout)
		p.kill()
	}
}

// stopWorkers ends all workers, the hard way where the user is waiting for that.
func (r *round) stopWorkers(ctx context.Context) {
	for len(r.live) > 0 {
		how := r.stopGracefully
		if ctx.Err() != nil {
			how = (*process).kill
		}
		r.end(r.live[0], how)
	}
}

// giveUp ends an experiment that failed, so that it is in nobody's way.
func (r *round) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = r.client.TerminateWorkflow(ctx, r.name(), "", "the round failed") // it may be over
}

// judge looks at what the experiment left.
func (r *round) judge(ctx context.Context, result *experiment.Result, undisturbed, o *outcome) (err error) {
	o.digests = digests(result)
	events, _ := r.timeline.since(r.from)
	o.repeated = repeatedWork(events)
	if o.ledger, err = r.account(ctx, events, result); err != nil {
		return err
	}
	if undisturbed != nil {
		o.differ = differing(undisturbed.digests, o.digests)
		for name := range o.ledger.files {
			if !undisturbed.ledger.files[name] {
				o.ledger.unexpected = append(o.ledger.unexpected, name+": the undisturbed run has no such file")
			}
		}
	}
	for _, d := range o.differ {
		r.problem("differs from the undisturbed run: %s", d)
	}
	for _, l := range o.ledger.lost {
		r.problem("lost: %s", l)
	}
	for _, u := range o.ledger.unexpected {
		r.problem("unexpected: %s", u)
	}
	for _, d := range o.repeated {
		if d > maxRepeated {
			r.problem("%s of work were done again, more than %s", d, maxRepeated)
		}
	}
	r.judgeTakeOvers()
	return nil
}

func (r *round) judgeTakeOvers() {
	for _, d := range r.takeOvers {
		if d > r.takeOver {
			r.problem("another worker took over after %s, more than %s", d, r.takeOver)
		}
	}
}

// write writes down a round, beside its logs.
func (s *stack) write(o outcome, from int) (dir string, err error) {
	dir = filepath.Join(s.dir, o.name())
	f, err := os.Create(filepath.Join(dir, "timeline.jsonl"))
	if err != nil {
		return dir, fmt.Errorf("keep the round: %w", err)
	}
	defer f.Close()
	events, _ := s.timeline.since(from)
	text := o.plan.String() + "\n\n" + strings.Join(o.problems, "\n") + "\n"
	return dir, errors.Join(writeEvents(f, events), os.WriteFile(filepath.Join(dir, "plan.txt"), []byte(text), 0o600))
}
