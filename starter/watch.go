package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

const (
	// watchInterval lies between two looks at an experiment.
	watchInterval = time.Second
	// plainInterval lies between two lines about a running epoch where there is no terminal to write over.
	plainInterval = time.Minute
	// patience is how long workers or Temporal may be silent before that is worth a line.
	patience = 10 * time.Second
)

// errInterrupted is Ctrl-C while watching.
var errInterrupted = errors.New("stopped watching; the experiment goes on")

func newWatchCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "watch NAME",
		Short: "Follow an experiment to its end",
		Long: `watch tells what has happened so far and then follows the experiment: a line for each stage and each epoch,
failed attempts and why they failed, and the results at the end. On a terminal one more line moves with each step.

It ends with exit code 0 when the experiment has finished and 1 when it has failed. Ctrl-C ends watching, never the
experiment.`,
		Example: `  starter watch first`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			return watch(c.Context(), t, newScreen(c.OutOrStdout()), args[0])
		},
	}
}

// observer looks at an experiment; *connection is the real one.
type observer interface {
	observe(ctx context.Context, name string) (observation, error)
	explain(name string, err error) error
}

// watch follows an experiment until it ends. Temporal and the workers may come and go meanwhile.
func watch(ctx context.Context, o observer, s *screen, name string) error {
	v := viewer{screen: s, told: map[string]string{}}
	defer s.clear()
	for {
		seen, err := o.observe(ctx, name)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%w: `starter watch %s` watches again", errInterrupted, name)
		case err != nil && (!isAway(err) || v.quiet.since.IsZero() && !v.narrator.watched):
			return o.explain(name, err)
		case err != nil:
			v.silent(fmt.Sprintf("Temporal does not answer; waiting (%v)", err), time.Now())
		default:
			v.show(seen, time.Now())
			if seen.ending != nil {
				return seen.ending.write(s.w)
			}
			if seen.failure != nil {
				return ended(name, seen)
			}
		}
		select {
		case <-time.After(watchInterval):
		case <-ctx.Done():
		}
	}
}

// viewer turns observations into what is on the screen.
type viewer struct {
	screen   *screen
	narrator narrator
	// told holds the last failure told of each activity.
	told map[string]string
	// quiet is the present time without an answer.
	quiet struct {
		since time.Time
		told  bool
	}
	// plain is when the last line about a running epoch was printed.
	plain time.Time
}

func (v *viewer) show(o observation, now time.Time) {
	if o.progress != nil {
		v.heard()
		for _, line := range v.narrator.tell(*o.progress, now) {
			v.screen.line(line)
			v.plain = now
		}
	} else if o.silence != nil {
		v.silent(fmt.Sprintf("no worker answers; the experiment goes on when one does (%v)", o.silence), now)
	}
	for _, a := range o.activities {
		v.failure(a)
	}
	v.position(o.activities, now)
}

// silent says that nobody answers, once, when that has lasted.
func (v *viewer) silent(text string, now time.Time) {
	if v.quiet.since.IsZero() {
		v.quiet.since = now
	}
	if !v.quiet.told && now.Sub(v.quiet.since) >= patience {
		v.quiet.told = true
		v.screen.line(text)
	}
}

func (v *viewer) heard() {
	if v.quiet.told {
		v.screen.line("there is an answer again")
	}
	v.quiet.told, v.quiet.since = false, time.Time{}
}

// failure says why an attempt has failed. While each attempt fails for the same reason, that is said once.
func (v *viewer) failure(a pending) {
	if a.lastFailure == "" || v.told[a.key] == a.lastFailure {
		return
	}
	v.told[a.key] = a.lastFailure
	v.screen.line(fmt.Sprintf("%s: attempt %d failed: %s; it is tried again, from the last checkpoint",
		a.kind, max(1, a.attempt-1), a.lastFailure))
}

// position says where a running epoch is.
func (v *viewer) position(activities []pending, now time.Time) {
	for _, a := range activities {
		switch {
		case !a.running || a.heartbeat == nil:
		case v.screen.isTerminal():
			v.screen.status(heartbeatLine(*a.heartbeat))
			return
		case now.Sub(v.plain) >= plainInterval:
			v.screen.line(heartbeatLine(*a.heartbeat))
			v.plain = now
			return
		}
	}
}
