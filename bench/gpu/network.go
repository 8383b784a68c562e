//go:build gpu

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/spf13/cobra"
	"gorgonia.org/gorgonia"

	"twinview/bench/gpu/result"
	"twinview/dataset"
	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
	"twinview/train"
)

func newNetworkCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "network", Short: "Compare the whole network with the processor's engine, and two runs with each other",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			spec, err := o.experiment()
			if err != nil {
				return err
			}
			return errors.Join(o.againstProcessor(c.Context(), spec, c.OutOrStdout()),
				o.determinism(c.Context(), spec, c.OutOrStdout()))
		},
	}
}

// againstProcessor runs forward and backward on both engines with the same weights and images, and compares loss, statistics and
// gradients. A ReLU whose input is within rounding of 0 can be open on one and shut on the other, so gradients differ by more than
// rounding.
func (o *options) againstProcessor(ctx context.Context, spec *experiment.Spec, out io.Writer) error {
	batches := []int{64, 256, 1024}
	if o.quick {
		batches = []int{8, 20}
	}
	var failures error // all are measured, whatever they come to
	for _, views := range batches {
		want, err := o.step(spec, views, cpu.Compiler(cpu.Options{}))
		if err != nil {
			return fmt.Errorf("%d views on the processor: %w", views, err)
		}
		for _, p := range []struct {
			number
			loss, statistics, gradient float64 // how far off they may be
		}{{float32s, 1e-3, 1e-2, 0.05}, {tf32, 5e-3, 1e-2, 0.2}, {bfloat16s, 0.02, 0.05, 0.5}} {
			if err := ctx.Err(); err != nil {
				return err
			}
			got, err := o.step(spec, views, o.compiler(p.number))
			if err != nil {
				return fmt.Errorf("%d views in %s: %w", views, p.name, err)
			}
			of := fmt.Sprintf("%d views in %s", views, p.name)
			for _, c := range []struct {
				name    string
				a, b    []float32
				allowed float64
			}{
				{"loss", want.loss, got.loss, p.loss}, {"batch_statistics", want.statistics, got.statistics, p.statistics},
				{"gradients", want.gradients, got.gradients, p.gradient},
			} {
				off := distance(c.a, c.b)
				f := result.Figure{Name: c.name, Of: of, Value: off, Unit: "distance", Note: fmt.Sprintf("%g is allowed", c.allowed)}
				if err := result.Write(out, f); err != nil {
					return err
				}
				if !(off <= c.allowed) {
					failures = errors.Join(failures,
						fmt.Errorf("%s of %s is %.3g off from the processor's, more than %g", c.name, of, off, c.allowed))
				}
			}
		}
	}
	return failures
}

// computed is what a training step leaves.
type computed struct{ loss, statistics, gradients []float32 }

func (o *options) step(spec *experiment.Spec, views int, with engine.Compiler) (c computed, err error) {
	n, err := model.NewPretraining(spec.Encoder, spec.Method, model.Options{Batch: views, Size: spec.Augment.Size})
	if err != nil {
		return c, fmt.Errorf("build the network: %w", err)
	}
	model.Initialise(n, spec.Seed)
	outputs := gorgonia.Nodes{n.Loss}
	for _, p := range n.Parameters {
		outputs = append(outputs, p.Grad)
	}
	for _, norm := range n.Norms {
		outputs = append(outputs, norm.Node)
	}
	m, err := with(n.Graph, outputs, nil)
	if err != nil {
		return c, err
	}
	defer m.Close()
	random, images := rand.New(rand.NewPCG(7, 0)), m.Values(n.Images)
	for i := range images {
		images[i] = float32(random.NormFloat64())
	}
	if err := m.RunAll(); err != nil {
		return c, fmt.Errorf("run the graph: %w", err)
	}
	c.loss = append(c.loss, m.Values(n.Loss)...)
	for _, norm := range n.Norms {
		c.statistics = append(c.statistics, m.Values(norm.Node)...)
	}
	for _, p := range n.Parameters {
		c.gradients = append(c.gradients, m.Values(p.Grad)...)
	}
	return c, nil
}

// determinism trains an epoch twice in each precision, which must end in the same bits.
func (o *options) determinism(ctx context.Context, spec *experiment.Spec, out io.Writer) error {
	split, _, err := o.data(spec)
	if err != nil {
		return err
	}
	const steps = 8
	images := split.Train.Head(min(split.Train.Len(), steps*spec.Pretrain.BatchSize))
	for _, p := range []number{float32s, tf32, bfloat16s} {
		var states [2][]byte
		for i := range states {
			if states[i], err = o.trained(ctx, spec, images, p); err != nil {
				return fmt.Errorf("train in %s: %w", p.name, err)
			}
		}
		if !bytes.Equal(states[0], states[1]) {
			return fmt.Errorf("two runs of the same epoch in %s end in other bits", p.name)
		}
		f := result.Figure{Name: "same_bits", Of: fmt.Sprintf("an epoch in %s, twice", p.name), Value: 1, Unit: "of 1"}
		if err := result.Write(out, f); err != nil {
			return err
		}
	}
	return nil
}

// trained is the state after one epoch.
func (o *options) trained(ctx context.Context, spec *experiment.Spec, images dataset.Images, p number) ([]byte, error) {
	state, err := train.NewPretrainState(spec)
	if err != nil {
		return nil, err
	}
	if _, err := train.PretrainEpoch(ctx, spec, images, state, train.Options{Compile: o.compiler(p)}); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := state.Write(&b); err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	return b.Bytes(), nil
}
