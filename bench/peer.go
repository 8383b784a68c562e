package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// peerOptions say how to compare with PyTorch.
type peerOptions struct {
	sizes
	python, script string
	// keep is how many of PyTorch's modes stay for the rounds, in each precision.
	keep int
	only []string
}

func newPeerCommand() *cobra.Command {
	var o peerOptions
	c := &cobra.Command{
		Use:   "peer",
		Short: "Compare a training step with PyTorch's",
		Long: `peer times forward and backward of the same network on batches of the same size, here and in PyTorch, each in a process
of its own, in turns and never at once. First every way to run PyTorch is tried; the fastest of each precision stay
for the rounds whose medians count. These take whole steps too, with SGD; ours then draws its views besides.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.resolve(); err != nil {
				return err
			}
			records, err := comparePeer(c.Context(), o, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(c, records)
		},
	}
	o.flags(c.Flags())
	c.Flags().StringVar(&o.python, "python", "python3", "a Python with torch and torchvision")
	c.Flags().StringVar(&o.script, "script", "bench/peer.py", "the PyTorch side")
	c.Flags().IntVar(&o.keep, "keep", 2, "modes of PyTorch that stay for the rounds, in each precision")
	c.Flags().StringArrayVar(&o.only, "mode", nil, "try only the modes of PyTorch with this name, again for more")
	return c
}

// contest is all that is compared in one precision.
type contest struct {
	precision precision
	ours      *steps // nil where it could not be started
	kept      []*steps
	dropped   []*steps
}

func comparePeer(ctx context.Context, o peerOptions, log io.Writer) (records []record, err error) {
	if err := checkPeer(ctx, o, log); err != nil {
		return nil, err
	}
	modes, err := peerModes(ctx, o)
	if err != nil {
		return nil, err
	}
	var contests []*contest
	defer func() {
		for _, c := range contests {
			err = errors.Join(err, c.close())
		}
	}()
	for _, p := range nativePrecisions(o.sizes) {
		if !slices.ContainsFunc(modes, func(m peerMode) bool { return m.Precision == p.name }) {
			continue
		}
		c := &contest{precision: p}
		contests = append(contests, c)
		if err := c.enter(ctx, o, modes, log); err != nil {
			return nil, err
		}
	}
	if err := rounds(ctx, contests, o.Repetitions, log); err != nil {
		return nil, err
	}
	for _, c := range contests {
		records = append(records, c.records(o.Views)...)
	}
	return records, nil
}

// enter starts our side and tries PyTorch's modes one after another. Only the fastest stay in memory.
func (c *contest) enter(ctx context.Context, o peerOptions, modes []peerMode, log io.Writer) (err error) {
	if c.ours, err = startOwn(ctx, o.sizes, c.precision); err != nil {
		return err
	}
	fmt.Fprintf(log, "%s: %s\n", c.precision.name, c.ours.Version)
	for _, mode := range modes {
		if mode.Precision != c.precision.name {
			continue
		}
		s, err := startPeer(ctx, o, mode)
		if err != nil {
			// Not every mode runs everywhere: torch.compile wants a compiler, for example.
			fmt.Fprintf(log, "%s: %s: does not run: %v\n", c.precision.name, mode.Name, err)
			continue
		}
		if err := c.try(s, o.keep); err != nil {
			return err
		}
		fmt.Fprintf(log, "%s: %s: %s views/s (%s)\n", c.precision.name, mode.Name,
			number(float64(o.Views)/slices.Min(s.took)), s.Version)
	}
	if len(c.kept) == 0 {
		return fmt.Errorf("no mode of PyTorch ran in %s", c.precision.name)
	}
	return nil
}

// try takes a few steps, and ends the slowest server where one too many is running. What counts here is the fastest step,
// since one disturbance must not end a mode.
func (c *contest) try(s *steps, keep int) error {
	c.kept = append(c.kept, s)
	if c.ours.Parameters != s.Parameters {
		return fmt.Errorf("the networks differ: %d parameters here, %d in PyTorch", c.ours.Parameters, s.Parameters)
	}
	const tries = 3
	for range tries {
		if err := s.step(); err != nil {
			return err
		}
	}
	slices.SortFunc(c.kept, func(a, b *steps) int { return cmp.Compare(slices.Min(a.took), slices.Min(b.took)) })
	if len(c.kept) <= keep {
		return nil
	}
	slowest := c.kept[keep]
	slowest.took = samples{slices.Min(slowest.took)}
	c.kept, c.dropped = c.kept[:keep], append(c.dropped, slowest)
	return slowest.Close()
}

// rounds takes the steps that count: two at a time, since the first finds cold caches, and one with the optimiser.
func rounds(ctx context.Context, contests []*contest, repetitions int, log io.Writer) error {
	for _, c := range contests {
		for _, s := range c.kept {
			s.took = nil // tries don't count
		}
	}
	for repetition := range repetitions {
		fmt.Fprintf(log, "round %d of %d ...\n", repetition+1, repetitions)
		for _, c := range contests {
			for _, s := range c.running() {
				for _, take := range []func() error{s.step, s.step, s.update} {
					if err := errors.Join(ctx.Err(), take()); err != nil {
						return err
					}
				}
				settle()
			}
		}
	}
	return nil
}

func (c *contest) running() []*steps {
	if c.ours == nil {
		return c.kept
	}
	return append([]*steps{c.ours}, c.kept...)
}

func (c *contest) records(views int) []record {
	var records []record
	add := func(name string, s *steps, took samples, note string) {
		r := took.rate(name, "views/s", views)
		r.Precision, r.Views, r.Mode, r.Note = c.precision.name, views, s.Name, note
		records = append(records, r)
	}
	add("train", c.ours, c.ours.took, "")
	for _, s := range c.kept {
		add("pytorch", s, s.took, "")
	}
	for _, s := range c.dropped {
		add("pytorch", s, s.took, "dropped after its first steps, the fastest of which this is")
	}
	best := fastest(c.kept, func(s *steps) samples { return s.took })
	add("pytorch_best", best, best.took, "")
	add("train_step", c.ours, c.ours.updates, "with loading and SGD")
	best = fastest(c.kept, func(s *steps) samples { return s.updates })
	add("pytorch_step_best", best, best.updates, "with SGD")
	for _, r := range [][3]string{
		{"train_to_pytorch", "train", "pytorch_best"},
		{"train_step_to_pytorch", "train_step", "pytorch_step_best"},
	} {
		if r, ok := ratio(r[0], r[1], r[2], c.precision.name, records); ok {
			records = append(records, r)
		}
	}
	return records
}

func fastest(servers []*steps, took func(*steps) samples) *steps {
	return slices.MinFunc(servers, func(a, b *steps) int {
		return cmp.Compare(took(a).median(), took(b).median())
	})
}

func (c *contest) close() error {
	var failures []error
	for _, s := range c.running() {
		failures = append(failures, s.Close())
	}
	return errors.Join(failures...)
}
