package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// options are the flags.
type options struct {
	rounds, round int
	seed          uint64
	most          int
	settings
}

func newCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "chaos",
		Short: "Do harm to experiments on real servers, round after round, and compare what they end with",
		Long: `chaos starts Temporal and an object store, runs a small experiment undisturbed, and then over and over while a seeded
script does harm. Each round must end in the same bits, with no object lost or left behind. A round that fails keeps its
plan, its timeline and all logs in a folder under --dir.

The servers' programs are those on PATH, or what TWINVIEW_TEMPORAL, TWINVIEW_MINIO and TWINVIEW_VERSITYGW name.`,
		Example:       "  make chaos ROUNDS=100\n  make chaos SEED=7 ROUND=17",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true, // main prints them
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context(), c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.IntVar(&o.rounds, "rounds", 10, "how many rounds")
	f.IntVar(&o.round, "round", 0, "this round alone")
	f.Uint64Var(&o.seed, "seed", 1, "what everything is drawn from")
	f.IntVar(&o.most, "most", 3, "the most harm in a round")
	f.DurationVar(&o.limit, "limit", 3*time.Minute, "how long a round may take")
	f.DurationVar(&o.takeOver, "take-over", 15*time.Second, "how long another worker may take to go on behind one that was killed")
	f.BoolVar(&o.keep, "keep", false, "keep the folders of rounds that passed too")
	f.StringVar(&o.store, "store", minioName, "the object store: minio or versitygw")
	f.StringVar(&o.programs, "programs", "bin", "the folder of worker and starter")
	f.StringVar(&o.dir, "dir", ".chaos", "the folder for everything that is written")
	return c
}

func (o *options) check() (err error) {
	switch {
	case o.rounds < 1 && o.round < 1:
		return fmt.Errorf("--rounds %d: want at least one", o.rounds)
	case o.round < 0:
		return fmt.Errorf("--round %d: want the number of a round, from 1", o.round)
	case o.most < 1 || o.most > len(places):
		return fmt.Errorf("--most %d: want 1 to %d", o.most, len(places))
	case o.store != minioName && o.store != versitygwName:
		return fmt.Errorf("--store %q: there are %s and %s", o.store, minioName, versitygwName)
	}
	// Programs run in folders of their own.
	if o.programs, err = filepath.Abs(o.programs); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	o.dir, err = os.MkdirTemp(o.dir, fmt.Sprintf("seed-%d-", o.seed))
	return err
}

// planned are the rounds to play.
func (o *options) planned() []plan {
	if o.round > 0 {
		return plans(o.seed, o.round, o.most)[o.round-1:]
	}
	return plans(o.seed, o.rounds, o.most)
}

// run plays the undisturbed round and then the others, and sums them up, also those before an interruption.
func (o *options) run(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "starting Temporal and %s; everything is in %s\n", o.store, o.dir)
	s, err := startStack(ctx, o.settings)
	if err != nil {
		return err
	}
	outcomes, err := s.playAll(ctx, w, o.planned())
	s.close()
	if table := writeTable(w, outcomes); table != nil {
		return table
	}
	failed := 0
	for _, one := range outcomes {
		if len(one.problems) > 0 {
			failed++
		}
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%d of %d rounds failed: see %s", failed, len(outcomes), o.dir)
	}
	if o.keep {
		return nil
	}
	return os.RemoveAll(o.dir)
}

func (s *stack) playAll(ctx context.Context, w io.Writer, all []plan) ([]outcome, error) {
	reference := s.play(ctx, plan{workers: 1}, nil)
	if len(reference.problems) > 0 {
		return nil, fmt.Errorf("the undisturbed run failed: %s: see %s", strings.Join(reference.problems, "\n"), s.dir)
	}
	fmt.Fprintf(w, "undisturbed: %.1f s\n", reference.seconds)
	var outcomes []outcome
	for _, p := range all {
		fmt.Fprintln(w, p)
		from := s.timeline.now()
		o := s.play(ctx, p, &reference)
		if ctx.Err() != nil {
			return outcomes, errors.New("interrupted")
		}
		outcomes = append(outcomes, o)
		if err := s.report(w, o, from); err != nil {
			return outcomes, err
		}
		if o.broken != nil {
			return outcomes, o.broken
		}
	}
	return outcomes, nil
}

// report says how a round ended. One that passed leaves nothing on the disk but what the store has of it.
func (s *stack) report(w io.Writer, o outcome, from int) error {
	missed := ""
	for _, k := range o.missed {
		missed += "; too late for: " + k.name
	}
	if len(o.problems) == 0 {
		fmt.Fprintf(w, "  passed in %.1f s, at most %.1f s of work again%s\n", o.seconds, longest(o.repeated).Seconds(), missed)
		if s.keep {
			_, err := s.write(o, from)
			return err
		}
		return os.RemoveAll(filepath.Join(s.dir, o.name()))
	}
	dir, err := s.write(o, from)
	fmt.Fprintf(w, "  FAILED in %.1f s%s; repeat with `make chaos SEED=%d ROUND=%d`, see %s\n", o.seconds, missed, o.seed, o.round, dir)
	for _, p := range o.problems {
		fmt.Fprintln(w, "   ", p)
	}
	return err
}
