// Package engine runs Gorgonia expression graphs of package model. It says what a machine is, and holds the reference
// machine, Gorgonia's own; engine/cpu is the fast one, engine/cuda that for GPUs. Precision, memory layout and fusion are a machine's business: the
// graph knows none of it, so every machine runs the very same graph.
package engine

import (
	"errors"

	"gorgonia.org/gorgonia"

	"twinview/augment"
	"twinview/dataset"
	"twinview/experiment"
)

// Machine runs one graph again and again. It is not safe for concurrent use.
type Machine interface {
	// VM's RunAll runs the whole graph once, from the leaves' present values. Reset does nothing that a caller needs:
	// a machine is ready to run again after RunAll. Close frees the machine's memory; no slice from Values may be
	// used afterwards.
	gorgonia.VM

	// Values returns the memory of a node, in row-major order of its shape (one element for a scalar). It panics if
	// n is neither a leaf of the graph nor one of the outputs that the machine was compiled for.
	//
	// A leaf's memory belongs to the caller between runs: it may be read and written, no run changes it, and the
	// slice stays the same for the machine's life. An output's is valid until the next run, and may be written as
	// scratch until then.
	Values(n *gorgonia.Node) []float32

	// Kernels are those that the machine runs. They belong to the caller.
	Kernels() Kernels
}

// Compiler makes a machine for a float32 graph. Outputs are the nodes whose values will be read after a run; the values
// of other inner nodes are lost. A leaf with a bound value starts with it, a leaf without starts at zero. One graph
// belongs to one machine: compile a second machine from a second graph.
//
// The machine runs the kernels that are named in recorded; what it does not name, and everything where it is nil, the
// machine chooses; names of what the graph does not have are ignored. It is an ErrUnsupported if this machine's device cannot run
// one of them.
type Compiler func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded Kernels) (Machine, error)

// ErrDeviceLost is wrapped by every error of a device that can't be used any more by this process: another one may.
var ErrDeviceLost = errors.New("the device is lost to this process")

// ErrUnsupported is wrapped by the error for kernels that this machine cannot run.
var ErrUnsupported = errors.New("this worker's device cannot run it")

// Optimizing is what a Machine may implement besides: it moves parameters itself, faster than a caller who goes through
// Values.
type Optimizing interface {
	// NewOptimizer returns an optimiser of the machine's parameters by the rule o, whose learning rate it ignores: the
	// schedule's is passed to each step. Its memory is the machine's and goes with it. It fails if the rule is unknown or
	// a gradient has another size than its parameter, and panics, as Values does, if nodes are no leaves and outputs.
	NewOptimizer(o experiment.Optimizer, parameters []Parameter) (Optimizer, error)
}

// Parameter is one trained leaf of a graph.
type Parameter struct {
	// Value is the leaf, Grad the output that holds its gradient, of the same shape.
	Value, Grad *gorgonia.Node
	// Excluded parameters take neither weight decay nor LARS's trust ratio.
	Excluded bool
}

// Optimizer moves parameters in place. It is not safe for concurrent use, nor beside a run of its machine.
type Optimizer interface {
	// Buffers returns the arrays that the rule keeps for parameter i, each of the parameter's size and zero at first:
	// for SGD with momentum and for LARS the momentum, for AdamW the mean of gradients and the mean of their squares, for
	// SGD without momentum none. Between steps they may be read and written; the slices stay the same.
	Buffers(i int) [][]float32
	// Step moves every parameter by the gradients of the last run at a learning rate; step counts from 1. It tells
	// whether all parameters and buffers are finite numbers after it.
	Step(rate float64, step int) (finite bool, err error)
}

// Queueing is what a Machine may implement besides Optimizing: it takes training steps that the caller does not wait for one by
// one, so that the device always has the next.
type Queueing interface {
	// NewQueue returns the machine's queue. After each run the optimiser, one of the machine's own, takes a step. read lists the
	// leaves and outputs that the caller reads of each step; it panics, as Values does, if one is neither.
	NewQueue(o Optimizer, read gorgonia.Nodes) (Queue, error)
}

// QueueDepth is how many steps may have begun in a Queue that have not ended.
const QueueDepth = 2

// Queue takes training steps in order: first Feed and an Augmenter's Fill, then Begin, and as often End. It is not safe for concurrent
// use. As long as a step has begun and not ended, neither RunAll, Values nor the optimiser may be used.
type Queue interface {
	// Feed copies values into a leaf, for the next step that begins.
	Feed(leaf *gorgonia.Node, values []float32) error
	// Begin begins a step at a learning rate; number counts from 1.
	Begin(rate float64, number int) error
	// End waits for the oldest step that has not ended. Its error is what RunAll or the optimiser would have answered.
	End() (Results, error)
	// Copy copies slices that Values or Buffers returned, as they are when all steps have ended that have begun, into others of
	// their lengths. Steps may begin at once. wait returns when the copies are whole, and may be called by any goroutine, also when
	// the machine is closed, or never.
	Copy(from, to [][]float32) (wait func() error, err error)
}

// Results are what a step left.
type Results struct {
	// Finite tells whether all parameters and the optimiser's buffers are finite numbers after it.
	Finite bool
	// Values returns what a node had in that step, one of those that NewQueue was told of: for a leaf what was fed. It is valid until
	// QueueDepth more steps have begun.
	Values func(n *gorgonia.Node) []float32
}

// Augmenting is what a Machine may implement besides: it makes views of images on its device, straight into a leaf.
type Augmenting interface {
	// NewAugmenter returns what fills a leaf, [len(views)·N, size, size, 3], with views of images, float32 and normalised. Rows
	// v·N to v·N + N−1 are of the distribution views[v]. The images stay on the device with the machine, and may stay longer, for
	// the next one: nobody may change them. It is an ErrUnsupported if the device can't make such views, a MemoryError if they
	// don't fit, and panics, as Values does, if leaf is none of the machine's.
	NewAugmenter(leaf *gorgonia.Node, images dataset.Images, views []experiment.View) (Augmenter, error)
}

// Augmenter makes views. It is not safe for concurrent use, nor beside a run of its machine.
type Augmenter interface {
	// Fill makes the views of the next run, one for each row of the leaf, in the order of rows. They are there when the run
	// begins, not when Fill returns.
	Fill(views []View) error
}

// View is a view that is yet to be made: the index of its image, and what augment.Transform.Draw drew for it.
type View struct {
	Image int
	augment.Drawn
}
