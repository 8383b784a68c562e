//go:build gpu

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"twinview/bench/gpu/peer"
	"twinview/bench/gpu/result"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/train"
)

func newTrainingCommand(o *options) *cobra.Command {
	var p peer.Settings
	var rounds int
	c := &cobra.Command{
		Use: "training", Short: "Train whole epochs here and in PyTorch, in turns", Args: cobra.NoArgs,
		Long: `training trains epochs of SimCLR in bfloat16, augmentation included, and PyTorch as many steps of the same network. Each
is in a process of its own, in turns and never at once. Every way to run PyTorch is tried first; the fastest stay for the rounds
whose medians count. Without --python only our side is measured. Figures are written after each round, our own first; those of a
later round take the place of those before, so that a process that is ended early leaves what it knew.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.quick {
				rounds = 1
			}
			return o.contest(c.Context(), p, rounds, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&p.Python, "python", "", "a Python with torch")
	c.Flags().StringVar(&p.Script, "script", "bench/peer_gpu.py", "the PyTorch side")
	c.Flags().StringVar(&p.Device, "torch-device", "cuda", "where PyTorch trains")
	c.Flags().IntVar(&p.Keep, "keep", 2, "modes of PyTorch that stay for the rounds")
	c.Flags().StringArrayVar(&p.Only, "mode", nil, "try only the modes of PyTorch with this name, again for more")
	c.Flags().DurationVar(&p.Limit, "mode-timeout", 3*time.Minute, "how long a mode of PyTorch may take to start, and how long for an epoch")
	c.Flags().IntVar(&rounds, "rounds", 5, "how often each trains an epoch")
	return c
}

// ours are our epochs in one way to compute: what train says of each, and the time from before its graph is built to its end.
type ours struct {
	name string
	number
	steps, whole result.Samples
	calls        calls
}

func (o *options) contest(ctx context.Context, p peer.Settings, count int, out, log io.Writer) error {
	spec, err := o.experiment()
	if err != nil {
		return err
	}
	split, _, err := o.data(spec)
	if err != nil {
		return err
	}
	var modes []string
	if p.Python != "" {
		if modes, err = p.Modes(ctx); err != nil {
			return err
		}
	}
	r := &rounds{options: o, spec: spec, images: split.Train, steps: split.Train.Len() / spec.Pretrain.BatchSize, out: out, log: log,
		own:    []*ours{{name: "train", number: bfloat16s}, {name: "train_measured", number: measured}},
		others: peer.NewContest(p, log)}
	defer r.others.Close()
	if err := r.alone(ctx); err != nil {
		return err
	}
	if err := r.enter(ctx, p, modes); err != nil {
		return err
	}
	for n := range count {
		fmt.Fprintf(log, "round %d of %d ...\n", n+1, count)
		if err := r.round(ctx); err != nil {
			return err
		}
	}
	if _, _, ran := r.others.Fastest(); len(modes) > 0 && !ran {
		return errors.New("no mode of PyTorch ran: see above")
	}
	return nil
}

// rounds are those of a contest.
type rounds struct {
	*options
	spec     *experiment.Spec
	images   dataset.Images
	steps    int // of an epoch
	own      []*ours
	others   *peer.Contest
	out, log io.Writer
}

// alone trains here before PyTorch is tried. The first epoch does not count: what is only done once is in it. The second is told, for
// the case that PyTorch takes all the time that there is.
func (r *rounds) alone(ctx context.Context) error {
	for _, before := range []string{"an epoch before those that count", "an epoch before PyTorch is tried"} {
		fmt.Fprintf(r.log, "%s ...\n", before)
		r.forget()
		if err := r.epochs(ctx); err != nil {
			return err
		}
	}
	defer r.forget()
	return r.write()
}

// enter tries PyTorch's modes.
func (r *rounds) enter(ctx context.Context, p peer.Settings, modes []string) error {
	if len(modes) == 0 {
		return nil
	}
	sizes, err := r.sizes(p, r.spec, r.images.Len())
	if err != nil {
		return err
	}
	return r.others.Enter(ctx, modes, sizes, min(r.steps, 20), 2*r.spec.Pretrain.BatchSize, r.out)
}

// round is an epoch of each.
func (r *rounds) round(ctx context.Context) error {
	if err := r.epochs(ctx); err != nil {
		return err
	}
	if err := r.others.Round(ctx, r.steps); err != nil {
		return err
	}
	return r.write()
}

// epochs are one in each of our ways.
func (r *rounds) epochs(ctx context.Context) error {
	for _, way := range r.own {
		if err := r.epoch(ctx, r.spec, r.images, way); err != nil {
			return err
		}
	}
	return nil
}

// forget leaves out what was measured so far.
func (r *rounds) forget() {
	for _, way := range r.own {
		way.steps, way.whole, way.calls = nil, nil, calls{}
	}
}

// sizes are what PyTorch's side is told.
func (o *options) sizes(p peer.Settings, spec *experiment.Spec, images int) (string, error) {
	sizes, err := json.Marshal(map[string]any{
		"images": images, "batch": spec.Pretrain.BatchSize, "width": spec.Encoder.Width, "size": spec.Augment.Size,
		"hidden": spec.Method.Projector.Hidden, "outputs": spec.Method.Projector.Output, "view": spec.Augment.FirstView,
		"device": p.Device,
	})
	if err != nil {
		return "", fmt.Errorf("encode the sizes: %w", err)
	}
	return string(sizes), nil
}

// epoch trains one epoch from the beginning.
func (o *options) epoch(ctx context.Context, spec *experiment.Spec, images dataset.Images, took *ours) error {
	state, err := train.NewPretrainState(spec)
	if err != nil {
		return err
	}
	start := time.Now()
	stats, err := train.PretrainEpoch(ctx, spec, images, state, train.Options{Compile: took.calls.timing(o.compiler(took.number))})
	if err != nil {
		return fmt.Errorf("train an epoch: %w", err)
	}
	took.steps = append(took.steps, stats.Seconds)
	took.whole = append(took.whole, time.Since(start).Seconds())
	return nil
}

// write writes what is known after a round.
func (r *rounds) write() error {
	views := float64(r.steps * r.spec.Pretrain.BatchSize * 2)
	var figures []result.Figure
	for _, way := range r.own {
		speed, whole := way.steps.Rate(way.name, "views/s", views), way.whole.Rate(way.name+"_with_start", "views/s", views)
		speed.Note = "bfloat16, augmentation and optimiser included"
		if way.Measure {
			speed.Note += "; each convolution by the kernel that was measured to be the fastest"
		}
		whole.Note = "and the time to build and compile the epoch's graph"
		step := result.Figure{
			Name: "step", Of: way.name, Value: way.steps.Median() / float64(r.steps) * 1e3, Unit: "ms", Rounds: len(way.steps),
			Note: "an epoch's time by its steps",
		}
		figures = append(figures, speed, whole, step)
		figures = append(figures, way.calls.figures(way.name, len(way.steps))...)
	}
	figures = append(figures, r.others.Figures(views)...)
	mode, seconds, ok := r.others.Fastest()
	for _, way := range r.own {
		if !ok {
			break
		}
		figures = append(figures, result.Figure{
			Name: way.name + "_to_pytorch", Value: seconds / way.steps.Median(), Unit: "times", Rounds: len(way.steps),
			Note: "the fastest mode: " + mode, // which may be another one after the next round
		})
	}
	return result.Write(r.out, figures...)
}
