package train

import (
	"context"
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/augment"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// inference runs a network without gradients over images.
type inference struct {
	network   *model.Network
	output    *gorgonia.Node // [B, D]
	batchSize int
	normalize experiment.Normalize
}

// machine has the weights and running statistics of s. The caller closes it.
func (f inference) machine(s *State, o Options) (engine.Machine, error) {
	machine, err := o.Compile(f.network.Graph, gorgonia.Nodes{f.output}, s.kernels)
	if err != nil {
		return nil, fmt.Errorf("compile the graph for inference: %w", err)
	}
	if err := bindForInference(machine, f.network, s); err != nil {
		machine.Close()
		return nil, err
	}
	return machine, nil
}

// run returns the outputs [N, D] of all images, unaugmented.
func (f inference) run(ctx context.Context, images dataset.Images, s *State, o Options) ([]float32, error) {
	if f.normalize == (experiment.Normalize{}) {
		return nil, errors.New("normalize: the statistics of the training split are not filled in: take the spec of an experiment that " +
			"has prepared its data (spec.yaml in the object store)")
	}
	machine, err := f.machine(s, o)
	if err != nil {
		return nil, inBatches(err, "compute.evaluation_batch_size", f.batchSize, 0)
	}
	defer machine.Close()
	width := f.output.Shape()[1]
	out := make([]float32, 0, images.Len()*width)
	for first := 0; first < images.Len(); first += f.batchSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows := min(f.batchSize, images.Len()-first)
		f.load(machine.Values(f.network.Images), images, first, rows)
		if err := machine.RunAll(); err != nil {
			return nil, fmt.Errorf("run images %d to %d: %w", first, first+rows-1, err)
		}
		out = append(out, machine.Values(f.output)[:rows*width]...)
	}
	return out, nil
}

// load writes a batch's pixels; the rows that a last, partial batch doesn't need are zeroed, their outputs dropped.
func (f inference) load(pixels []float32, images dataset.Images, first, rows int) {
	length := images.Height * images.Width * 3
	for i := range rows {
		augment.Plain(pixels[i*length:(i+1)*length], images.Image(first+i), f.normalize)
	}
	clear(pixels[rows*length:])
}

func bindForInference(machine engine.Machine, n *model.Network, s *State) error {
	for _, p := range n.Parameters {
		value := machine.Values(p.Value)
		weights, err := s.floats(p.Name, len(value))
		if err != nil {
			return err
		}
		copy(value, weights)
	}
	for _, norm := range n.Norms {
		running, err := statisticsOf(s, norm)
		if err != nil {
			return err
		}
		running.write(machine.Values(norm.Node))
	}
	return nil
}

// inferenceOptions are the sizes of a network for images as they are. The batch is no larger than the set.
func inferenceOptions(spec *experiment.Spec, images dataset.Images) (model.Options, error) {
	if images.Height != images.Width {
		return model.Options{}, fmt.Errorf("images are %d pixels high and %d wide: they must be square",
			images.Height, images.Width)
	}
	if spec.Compute.EvaluationBatchSize < 1 {
		return model.Options{}, fmt.Errorf("compute.evaluation_batch_size %d: it must be at least 1",
			spec.Compute.EvaluationBatchSize)
	}
	return model.Options{Batch: min(spec.Compute.EvaluationBatchSize, images.Len()), Size: images.Height}, nil
}
