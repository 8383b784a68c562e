//go:build gpu

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"twinview/bench/gpu/result"
	"twinview/bench/server"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/train"
)

func newTrainingCommand(o *options) *cobra.Command {
	var p peer
	var rounds int
	c := &cobra.Command{
		Use: "training", Short: "Train whole epochs here and in PyTorch, in turns", Args: cobra.NoArgs,
		Long: `training trains epochs of SimCLR in bfloat16, augmentation included, and PyTorch as many steps of the same network. Each
is in a process of its own, in turns and never at once. Every way to run PyTorch is tried first; the fastest stay for the rounds
whose medians count. Without --python only our side is measured.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.quick {
				rounds = 1
			}
			return o.contest(c.Context(), p, rounds, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&p.python, "python", "", "a Python with torch")
	c.Flags().StringVar(&p.script, "script", "bench/peer_gpu.py", "the PyTorch side")
	c.Flags().StringVar(&p.device, "torch-device", "cuda", "where PyTorch trains")
	c.Flags().IntVar(&p.keep, "keep", 2, "modes of PyTorch that stay for the rounds")
	c.Flags().StringArrayVar(&p.only, "mode", nil, "try only the modes of PyTorch with this name, again for more")
	c.Flags().IntVar(&rounds, "rounds", 5, "how often each trains an epoch")
	return c
}

// peer is how PyTorch is run.
type peer struct {
	python, script, device string
	keep                   int
	only                   []string
}

// contestant is one mode of PyTorch, and how long its epochs took.
type contestant struct {
	*server.Server
	took result.Samples
}

// ours are our epochs in one way to compute: what train says of each, and the time from before its graph is built to its end.
type ours struct {
	name string
	number
	steps, whole result.Samples
}

func (o *options) contest(ctx context.Context, p peer, rounds int, out, log io.Writer) (err error) {
	spec, err := o.experiment()
	if err != nil {
		return err
	}
	split, _, err := o.data(spec)
	if err != nil {
		return err
	}
	steps := split.Train.Len() / spec.Pretrain.BatchSize
	views := float64(steps * spec.Pretrain.BatchSize * 2)
	own := []*ours{{name: "train", number: bfloat16s}, {name: "train_measured", number: measured}}
	fmt.Fprintln(log, "an epoch before those that count ...")
	for _, way := range own {
		if err := o.epoch(ctx, spec, split.Train, way); err != nil {
			return err
		}
		way.steps, way.whole = nil, nil
	}
	kept, err := p.enter(ctx, o, spec, steps, split.Train.Len(), out, log)
	defer func() {
		for _, c := range kept {
			err = errors.Join(err, c.Close())
		}
	}()
	if err != nil {
		return err
	}
	for round := range rounds {
		fmt.Fprintf(log, "round %d of %d ...\n", round+1, rounds)
		for _, way := range own {
			if err := o.epoch(ctx, spec, split.Train, way); err != nil {
				return err
			}
		}
		for _, c := range kept {
			seconds, err := c.Ask(fmt.Sprint(steps))
			if err := errors.Join(ctx.Err(), err); err != nil {
				return err
			}
			c.took = append(c.took, seconds)
		}
	}
	return write(out, own, kept, views)
}

// epoch trains one epoch from the beginning.
func (o *options) epoch(ctx context.Context, spec *experiment.Spec, images dataset.Images, took *ours) error {
	state, err := train.NewPretrainState(spec)
	if err != nil {
		return err
	}
	start := time.Now()
	stats, err := train.PretrainEpoch(ctx, spec, images, state, train.Options{Compile: o.compiler(took.number)})
	if err != nil {
		return fmt.Errorf("train an epoch: %w", err)
	}
	took.steps = append(took.steps, stats.Seconds)
	took.whole = append(took.whole, time.Since(start).Seconds())
	return nil
}

// enter tries PyTorch's modes one after another. Only the fastest stay in memory.
func (p peer) enter(
	ctx context.Context, o *options, spec *experiment.Spec, steps, images int, out, log io.Writer,
) (kept []*contestant, err error) {
	if p.python == "" {
		return nil, nil
	}
	modes, err := p.modes(ctx)
	if err != nil {
		return nil, err
	}
	sizes, err := json.Marshal(map[string]any{
		"images": images, "batch": spec.Pretrain.BatchSize, "width": spec.Encoder.Width, "size": spec.Augment.Size,
		"hidden": spec.Method.Projector.Hidden, "outputs": spec.Method.Projector.Output, "view": spec.Augment.FirstView,
		"device": p.device,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the sizes: %w", err)
	}
	tries := min(steps, 20)
	for _, mode := range modes {
		s, err := server.Start(mode, exec.CommandContext(ctx, p.python, p.script, "serve", mode, string(sizes)))
		if err != nil {
			// Not every mode runs everywhere: torch.compile wants a compiler, for example.
			fmt.Fprintf(log, "%s: does not run: %v\n", mode, err)
			f := result.Figure{Name: "pytorch", Of: mode, Note: fmt.Sprintf("does not run: %v", err)}
			if err := result.Write(out, f); err != nil {
				return kept, err
			}
			continue
		}
		c := &contestant{Server: s}
		kept = append(kept, c)
		for range 2 {
			seconds, err := s.Ask(fmt.Sprint(tries))
			if err != nil {
				return kept, err
			}
			c.took = append(c.took, seconds)
		}
		rate := float64(tries*spec.Pretrain.BatchSize*2) / slices.Min(c.took)
		fmt.Fprintf(log, "%s: %.0f views/s (%s)\n", mode, rate, s.Version)
		slices.SortFunc(kept, func(a, b *contestant) int { return cmp.Compare(slices.Min(a.took), slices.Min(b.took)) })
		if len(kept) > p.keep {
			slowest := kept[p.keep]
			kept = kept[:p.keep]
			rate := float64(tries*spec.Pretrain.BatchSize*2) / slices.Min(slowest.took)
			f := result.Figure{Name: "pytorch", Of: slowest.Name, Value: rate, Unit: "views/s", Note: "tried, and slower than others"}
			if err := errors.Join(slowest.Close(), result.Write(out, f)); err != nil {
				return kept, err
			}
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("no mode of PyTorch ran: see above")
	}
	for _, c := range kept {
		c.took = nil // tries don't count
	}
	return kept, nil
}

// modes are those of the script, or those of them that were asked for.
func (p peer) modes(ctx context.Context) (names []string, err error) {
	out, err := exec.CommandContext(ctx, p.python, p.script, "modes").Output()
	if err != nil {
		return nil, fmt.Errorf("list the modes of %s: %w", p.script, err)
	}
	if err := json.Unmarshal(out, &names); err != nil {
		return nil, fmt.Errorf("read the modes of %s: %w", p.script, err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return len(p.only) > 0 && !slices.Contains(p.only, name)
	}), nil
}

// rate is how many of n are done in a second.
func rate(s result.Samples, name string, n float64) result.Figure {
	return result.Figure{
		Name: name, Unit: "views/s", Value: n / s.Median(), Low: n / slices.Max(s), High: n / slices.Min(s),
	}
}

func write(out io.Writer, own []*ours, kept []*contestant, views float64) error {
	var figures []result.Figure
	for _, way := range own {
		steps, whole := rate(way.steps, way.name, views), rate(way.whole, way.name+"_with_start", views)
		steps.Note = "bfloat16, augmentation and optimiser included"
		if way.Measure {
			steps.Note += "; each convolution by the kernel that was measured to be the fastest"
		}
		whole.Note = "and the time to build and compile the epoch's graph"
		figures = append(figures, steps, whole)
	}
	for _, c := range kept {
		f := rate(c.took, "pytorch", views)
		f.Of, f.Note = c.Name, c.Version
		figures = append(figures, f)
	}
	if len(kept) > 0 {
		best := slices.MinFunc(kept, func(a, b *contestant) int { return cmp.Compare(a.took.Median(), b.took.Median()) })
		for _, way := range own {
			figures = append(figures, result.Figure{
				Name: way.name + "_to_pytorch", Of: best.Name, Value: best.took.Median() / way.steps.Median(), Unit: "times",
			})
		}
	}
	return result.Write(out, figures...)
}
