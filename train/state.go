package train

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"twinview/checkpoint"
	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// State is everything that training needs to go on in the same bits, between two epochs or between two steps of one:
// weights, running statistics of batch norm, the optimiser's buffers, and sums over the steps of the epoch under way. All
// random draws are functions of the spec's seed and the epoch, so no generator is part of it.
type State struct {
	// Epoch is the number of epochs done, Step that of optimiser steps since the beginning of the stage.
	Epoch, Step int

	stage string
	// spec is the digest of what decides this training.
	spec string
	// progress is that of the epoch under way, nil between two epochs.
	progress *progress
	// rateFactor is what all learning rates are multiplied by, 0 where they are as the spec has them.
	rateFactor float64
	// kernels are those that the epochs so far ran, for the next to run the same: nil before the first.
	kernels engine.Kernels
	// tensors is the state dict, in PyTorch's order; buffers are the optimiser's.
	tensors, buffers []checkpoint.Tensor
	// arriving waits for the values of a snapshot, nil where they are there.
	arriving func() error
}

// StateVersion is the format version of what Write writes and the newest that ReadState reads. A file that names none was
// written before there were versions and is of version 1. Whatever an older program would read wrongly, without an error,
// takes a new version; ReadState goes on reading every older one, and testdata keeps a file of each.
const StateVersion = 1

// bufferPrefix sets the optimiser's buffers apart from the model's tensors in a file:
// "optimizer.momentum.conv1.weight".
const bufferPrefix = "optimizer."

// underWay is the metadata of an epoch under way. A file without it is a state between two epochs.
const underWay = "epoch_under_way"

// rateFactor is the metadata of a state whose learning rates have been reduced.
const rateFactor = "rate_factor"

// Names of batch norm's running statistics in PyTorch.
const (
	runningMean = ".running_mean"
	runningVar  = ".running_var"
	batches     = ".num_batches_tracked"
)

// newState takes the network's bound parameters as weights; everything else starts as PyTorch starts it.
func newState(spec *experiment.Spec, stage string, n *model.Network, o optimizer) (*State, error) {
	sum, err := digest(spec, stage, 1)
	if err != nil {
		return nil, fmt.Errorf("digest spec: %w", err)
	}
	s := &State{stage: stage, spec: sum}
	norms := map[string]bool{}
	for _, norm := range n.Norms {
		norms[norm.Name] = true
	}
	for _, p := range n.Parameters {
		shape := slices.Clone([]int(p.Value.Shape()))
		values, ok := p.Value.Value().Data().([]float32)
		if !ok {
			return nil, fmt.Errorf("parameter %q is not bound to float32 values", p.Name)
		}
		s.tensors = append(s.tensors, checkpoint.Tensor{Name: p.Name, Shape: shape, Data: slices.Clone(values)})
		for _, buffer := range o.buffers() {
			name := bufferPrefix + buffer + "." + p.Name
			s.buffers = append(s.buffers, checkpoint.Tensor{Name: name, Shape: shape, Data: make([]float32, len(values))})
		}
		if layer, ok := strings.CutSuffix(p.Name, ".bias"); ok && norms[layer] {
			s.tensors = append(s.tensors, newStatistics(layer, len(values))...)
		}
	}
	return s, nil
}

// newStatistics are a batch norm's before the first batch: mean 0, variance 1.
func newStatistics(layer string, channels int) []checkpoint.Tensor {
	return []checkpoint.Tensor{
		{Name: layer + runningMean, Shape: []int{channels}, Data: make([]float32, channels)},
		{Name: layer + runningVar, Shape: []int{channels}, Data: slices.Repeat([]float32{1}, channels)},
		{Name: layer + batches, Shape: []int{}, Int64s: []int64{0}},
	}
}

// record adds the kernels of an epoch. Those of epochs on views of another size stay, for such a size may come again.
func (s *State) record(k engine.Kernels) {
	if s.kernels == nil {
		s.kernels = k
		return
	}
	s.kernels = maps.Clone(s.kernels) // a clone of the state may share them
	maps.Copy(s.kernels, k)
}

// ReduceRate multiplies all learning rates of the training that goes on from s by a factor between 0 and 1, in place of any
// factor before. It stays with the state, also in its files.
func (s *State) ReduceRate(factor float64) error {
	if !(factor > 0 && factor < 1) {
		return fmt.Errorf("rate factor %v: it must be greater than 0 and less than 1", factor)
	}
	s.rateFactor = factor
	return nil
}

// RateFactor is what learning rates are multiplied by, 1 where they are as the spec has them.
func (s *State) RateFactor() float64 {
	if s.rateFactor == 0 {
		return 1
	}
	return s.rateFactor
}

// StateDict returns the model as PyTorch names it: parameters, running_mean, running_var and num_batches_tracked, without
// the optimiser's buffers. The tensors' memory is the state's: read it only, and before the next epoch.
func (s *State) StateDict() []checkpoint.Tensor { return slices.Clone(s.tensors) }

// Write writes the state as safetensors; equal states give equal bytes.
func (s *State) Write(w io.Writer) error {
	if s.arriving != nil {
		if err := s.arriving(); err != nil {
			return fmt.Errorf("write the state behind step %d of stage %s: %w", s.Step, s.stage, err)
		}
	}
	metadata := map[string]string{
		"format":  "pt", // what Python's safetensors expects of a PyTorch model
		"version": strconv.Itoa(StateVersion),
		"stage":   s.stage,
		"epoch":   strconv.Itoa(s.Epoch),
		"step":    strconv.Itoa(s.Step),
		"spec":    s.spec,
	}
	if s.rateFactor != 0 {
		metadata[rateFactor] = strconv.FormatFloat(s.rateFactor, 'g', -1, 64)
	}
	if s.kernels != nil {
		kernels, err := json.Marshal(s.kernels) // sorted by key
		if err != nil {
			return fmt.Errorf("write the kernels of epoch %d: %w", s.Epoch, err)
		}
		metadata["kernels"] = string(kernels)
	}
	if s.progress != nil {
		progress, err := json.Marshal(s.progress)
		if err != nil {
			return fmt.Errorf("write the progress of epoch %d: %w", s.Epoch+1, err)
		}
		metadata[underWay] = string(progress)
	}
	if err := checkpoint.WriteSafetensors(w, slices.Concat(s.tensors, s.buffers), metadata); err != nil {
		return fmt.Errorf("write training state of epoch %d: %w", s.Epoch, err)
	}
	return nil
}

// ReadState reads what Write wrote, in this version or an older one. A state in a newer format is an
// experiment.VersionError, any other malformed file another error; whether the state belongs to a spec is checked where it
// is used.
func ReadState(r io.Reader) (*State, error) {
	tensors, metadata, err := checkpoint.ReadSafetensors(r)
	if err != nil {
		return nil, fmt.Errorf("read training state: %w", err)
	}
	if err := checkVersion(metadata); err != nil {
		return nil, err
	}
	s := &State{stage: metadata["stage"], spec: metadata["spec"]}
	if s.Epoch, err = counter(metadata, "epoch"); err != nil {
		return nil, err
	}
	if s.Step, err = counter(metadata, "step"); err != nil {
		return nil, err
	}
	if text, ok := metadata[rateFactor]; ok {
		if s.rateFactor, err = strconv.ParseFloat(text, 64); err != nil || s.ReduceRate(s.rateFactor) != nil {
			return nil, fmt.Errorf("read training state: metadata %q is %q, not a number between 0 and 1", rateFactor, text)
		}
	}
	if kernels, ok := metadata["kernels"]; ok {
		if err := json.Unmarshal([]byte(kernels), &s.kernels); err != nil {
			return nil, fmt.Errorf("read training state: metadata \"kernels\": %w", err)
		}
	}
	if text, ok := metadata[underWay]; ok {
		if s.progress, err = readProgress(text); err != nil {
			return nil, err
		}
	}
	for _, t := range tensors {
		if strings.HasPrefix(t.Name, bufferPrefix) {
			s.buffers = append(s.buffers, t)
		} else {
			s.tensors = append(s.tensors, t)
		}
	}
	return s, nil
}

func checkVersion(metadata map[string]string) error {
	if _, ok := metadata["version"]; !ok {
		return nil
	}
	version, err := counter(metadata, "version")
	if err != nil {
		return err
	}
	return experiment.CheckVersion("training state", version, StateVersion)
}

func counter(metadata map[string]string, key string) (int, error) {
	n, err := strconv.Atoi(metadata[key])
	if err != nil || n < 0 {
		return 0, fmt.Errorf("read training state: metadata %q is %q, not a number from 0: this is no training checkpoint",
			key, metadata[key])
	}
	return n, nil
}

// check refuses a state of another stage or spec.
func (s *State) check(spec *experiment.Spec, stage string) error {
	if s.stage != stage {
		return fmt.Errorf("%w: it is of stage %q, but %q is needed", ErrOtherState, s.stage, stage)
	}
	sum, err := digest(spec, stage, s.trainedLast())
	if err != nil {
		return fmt.Errorf("digest spec: %w", err)
	}
	if s.spec != sum {
		return fmt.Errorf("%w: it was made under spec digest %.12s, but this spec's is %.12s: start a new experiment "+
			"instead of changing the spec of one under way", ErrOtherState, s.spec, sum)
	}
	return nil
}

// Of refuses, with ErrOtherState, a state that was made under another spec, or inside an epoch of another plan.
func (s *State) Of(spec *experiment.Spec) error { return s.check(spec, s.stage) }

// trainedLast is the epoch, counted from 1, whose steps are the last behind the state; 1 in one without any.
func (s *State) trainedLast() int {
	if s.progress != nil {
		return s.Epoch + 1
	}
	return max(1, s.Epoch)
}

// clone copies the memory that training writes.
func (s *State) clone() *State {
	c := *s
	c.tensors, c.buffers = cloneTensors(s.tensors), cloneTensors(s.buffers)
	if s.progress != nil {
		c.progress = new(*s.progress)
	}
	return &c
}

func cloneTensors(tensors []checkpoint.Tensor) []checkpoint.Tensor {
	out := slices.Clone(tensors)
	for i := range out {
		out[i].Data, out[i].Int64s = slices.Clone(out[i].Data), slices.Clone(out[i].Int64s)
	}
	return out
}

// floats returns the memory of a tensor or buffer that must have the given length.
func (s *State) floats(name string, length int) ([]float32, error) {
	tensors := s.tensors
	if strings.HasPrefix(name, bufferPrefix) {
		tensors = s.buffers
	}
	t, err := find(tensors, name)
	if err != nil {
		return nil, err
	}
	if len(t.Data) != length {
		return nil, fmt.Errorf("%w: tensor %q has %d float32 values, but the network needs %d", ErrOtherState, name,
			len(t.Data), length)
	}
	return t.Data, nil
}

func find(tensors []checkpoint.Tensor, name string) (checkpoint.Tensor, error) {
	i := slices.IndexFunc(tensors, func(t checkpoint.Tensor) bool { return t.Name == name })
	if i < 0 {
		return checkpoint.Tensor{}, fmt.Errorf("%w: it has no tensor %q", ErrOtherState, name)
	}
	return tensors[i], nil
}
