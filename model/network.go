package model

import (
	"errors"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

// Parameter is one trained tensor of a network.
type Parameter struct {
	// Name is torchvision's, for example "layer2.0.downsample.0.weight".
	Name string
	// Value is the leaf that holds the parameter, Grad the node of the loss's gradient with the same shape; Grad is nil
	// in a network without a loss.
	Value, Grad *gorgonia.Node
	// Decay tells whether weight decay applies: false for biases and batch-norm parameters.
	Decay bool
}

// NormStats is the mean and variance that one batch norm normalises with.
type NormStats struct {
	// Name is that of the batch-norm layer, for example "layer1.0.bn1".
	Name string
	// Node is [2, C], row 0 the mean, row 1 the biased variance: computed from the batch in a network that is trained, a
	// leaf for the running statistics in one for inference.
	Node *gorgonia.Node
	// Count is the number of values per channel in a batch, n in the unbiased variance n/(n-1)·var.
	Count int
}

// Network is a graph and its named nodes. Nodes that a network doesn't have are nil.
type Network struct {
	Graph *gorgonia.ExprGraph
	// Images is the leaf [B, S, S, 3], normalised pixels.
	Images *gorgonia.Node
	// Labels is the leaf [B] of class indices as floats.
	Labels *gorgonia.Node
	// Features is the encoder's output [B, 8·Width], a leaf in a linear classifier's network.
	Features *gorgonia.Node
	// Projection is the projection head's output [B, Output], Logits the classifier's [B, classes].
	Projection, Logits *gorgonia.Node
	// Loss is the scalar that the parameters' gradients belong to.
	Loss *gorgonia.Node
	// Parameters are in the order of PyTorch's state dict.
	Parameters []Parameter
	// Norms are the batch norms in the same order.
	Norms []NormStats
}

// Options are the sizes that a graph is built for.
type Options struct {
	// Batch is the number of rows: views in pretraining (two an image), images elsewhere.
	Batch int
	// Size is the height and width of an image in pixels; a linear classifier's network ignores it.
	Size int
	// DType is tensor.Float32 (also the zero value's meaning) or tensor.Float64.
	DType tensor.Dtype
}

// NewPretraining builds encoder, projection head and loss.
func NewPretraining(e experiment.Encoder, m experiment.Method, o Options) (*Network, error) {
	return nil, errors.ErrUnsupported
}

// NewClassifier builds encoder, classifier and loss.
func NewClassifier(e experiment.Encoder, classes int, o Options) (*Network, error) {
	return nil, errors.ErrUnsupported
}

// NewEncoder builds the encoder for inference.
func NewEncoder(e experiment.Encoder, o Options) (*Network, error) {
	return nil, errors.ErrUnsupported
}

// NewInference builds encoder and classifier for inference.
func NewInference(e experiment.Encoder, classes int, o Options) (*Network, error) {
	return nil, errors.ErrUnsupported
}

// NewLinear builds a linear classifier on features.
func NewLinear(features, classes int, o Options) (*Network, error) {
	return nil, errors.ErrUnsupported
}

// Initialise binds every parameter.
func Initialise(n *Network, seed uint64) {}
