package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

const (
	// watchInterval lies between two looks at an experiment.
	watchInterval = time.Second
	// plainInterval lies between two lines about a running epoch.
	plainInterval = time.Minute
	// patience is how long workers or Temporal may be silent before that is worth a line.
	patience = 10 * time.Second
)

// errInterrupted is Ctrl-C while watching.
var errInterrupted = errors.New("stopped watching; the experiment goes on")

func newWatchCommand(t *target) *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "watch NAME",
		Short: "Follow an experiment to its end",
		Long: `watch follows an experiment to its end and then prints its results. On a terminal it fills the screen: the stages
with the time that they took, where the present epoch is and how long it and its stage will take, the course of loss and
accuracy, who computes on what, and what did not go as planned: failed attempts, pauses, checkpoints that were lost. Into a
file or a pipe it writes lines: one for each stage and each epoch, and one a minute in longer epochs. With -o json each event is
a JSON object on a line of its own, progress inside an epoch with each heartbeat.

It ends with exit code 0 when the experiment has finished and 5 when it has failed. Ctrl-C (or q) ends watching, never the
experiment.`,
		Example: `  starter watch first
  starter watch first | tee first.log
  starter watch first -o json | jq --unbuffered 'select(.event == "epoch") | .detail.loss'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			if format == outputJSON {
				return watchJSON(c.Context(), t, c.OutOrStdout(), args[0])
			}
			return watch(c.Context(), t, c.OutOrStdout(), args[0])
		},
	}
	format.addFlag(c)
	return c
}

// observer looks at an experiment; *connection is the real one.
type observer interface {
	observe(ctx context.Context, name string) (observation, error)
	explain(name string, err error) error
}

// display is where people see an experiment.
type display interface {
	// show is called with each look at the experiment.
	show(o observation, now time.Time)
	// away is called where Temporal has not answered.
	away(err error, now time.Time)
}

// watch follows an experiment until it ends, and prints how.
func watch(ctx context.Context, o observer, w io.Writer, name string) error {
	var (
		last observation
		err  error
	)
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		last, err = watchLive(ctx, o, f, name)
	} else {
		last, err = follow(ctx, o, name, newLineViewer(w))
	}
	if err != nil {
		return err
	}
	if last.ending != nil {
		return last.ending.write(w)
	}
	return ended(name, last)
}

// watchJSON is watch for programs. Its last line says how the experiment has ended.
func watchJSON(ctx context.Context, o observer, w io.Writer, name string) error {
	v := newJSONViewer(w, name)
	last, err := follow(ctx, o, name, v)
	if err != nil {
		return err
	}
	if last.ending != nil {
		v.tell(event{kind: eventFinished, text: "finished", detail: last.ending.result}, time.Now())
		return nil
	}
	err = ended(name, last)
	v.tell(event{kind: eventFailed, text: err.Error(), detail: failureDetail{Failure: cause(last.failure).Error()}}, time.Now())
	return err
}

// follow looks at an experiment until it has ended, and returns the last look. Temporal and the workers may come and go
// meanwhile.
func follow(ctx context.Context, o observer, name string, d display) (observation, error) {
	for answered := false; ; {
		seen, err := o.observe(ctx, name)
		switch {
		case ctx.Err() != nil:
			return seen, fmt.Errorf("%w: `starter watch %s` watches again", errInterrupted, name)
		case err != nil && (!isAway(err) || !answered):
			return seen, o.explain(name, err)
		case err != nil:
			d.away(err, time.Now())
		default:
			answered = true
			d.show(seen, time.Now())
			if seen.ending != nil || seen.failure != nil {
				return seen, nil
			}
		}
		select {
		case <-time.After(watchInterval):
		case <-ctx.Done():
		}
	}
}
