package model

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

// Parameter is one trained tensor of a network.
type Parameter struct {
	// Name is torchvision's, for example "layer2.0.downsample.0.weight".
	Name string
	// Value is the leaf that holds the parameter, Grad the node of the loss's gradient, of the same shape; Grad is nil in
	// a network without a loss.
	Value, Grad *gorgonia.Node
	// Decay tells whether weight decay applies by default: false for biases and batch-norm parameters.
	Decay bool

	initial distribution
}

// NormStats is the mean and variance that one batch norm normalises with.
type NormStats struct {
	// Name is that of the batch-norm layer, for example "layer1.0.bn1".
	Name string
	// Node is [2, C], row 0 the mean, row 1 the biased variance: computed from the batch in a network that is trained, a
	// leaf for the running mean and variance in one for inference.
	Node *gorgonia.Node
	// Count is the number n of values per channel in a batch; n/(n−1) times the biased variance is the unbiased one.
	Count int
}

// Network is a graph and its named nodes. Nodes that a network doesn't have are nil.
type Network struct {
	Graph *gorgonia.ExprGraph
	// Images is the leaf [B, Size, Size, 3] of normalised pixels.
	Images *gorgonia.Node
	// Labels is the leaf [B] of class indices, as floats.
	Labels *gorgonia.Node
	// Features is the encoder's output [B, 8·Width], a leaf in the network of NewLinear.
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
	// Batch is the number of rows: views in pretraining, images elsewhere.
	Batch int
	// Views is the number of views of an image in pretraining, 0 stands for 2.
	Views int
	// Size is the height and width of an image in pixels; NewLinear ignores it.
	Size int
	// DType is tensor.Float32, which the zero value stands for too, or tensor.Float64.
	DType tensor.Dtype
}

// NewPretraining builds the encoder, the projection head and the method's loss with its gradients. The batch holds the first
// views of all images, then, in the same order, the second views and so on; batch norm goes over all of them.
func NewPretraining(e experiment.Encoder, m experiment.Method, o Options) (*Network, error) {
	b := newBuilder(o, true)
	b.check(checkPretraining(m, o))
	b.encoder(e, o)
	b.projector(m.Projector)
	b.pretrainingLoss(m, o)
	return b.finish("pretraining network")
}

// NewClassifier builds the encoder, a linear classifier and the cross-entropy loss with the gradients of all parameters,
// for fine-tuning.
func NewClassifier(e experiment.Encoder, classes int, o Options) (*Network, error) {
	b := newBuilder(o, true)
	b.encoder(e, o)
	b.classifier(classes)
	b.classificationLoss()
	return b.finish("classifier")
}

// NewEncoder builds the encoder for inference: it ends in Features, and Norms are leaves for the running statistics.
func NewEncoder(e experiment.Encoder, o Options) (*Network, error) {
	b := newBuilder(o, false)
	b.encoder(e, o)
	return b.finish("encoder")
}

// NewInference builds the encoder and a linear classifier for inference: it ends in Logits, and Norms are leaves for the
// running statistics.
func NewInference(e experiment.Encoder, classes int, o Options) (*Network, error) {
	b := newBuilder(o, false)
	b.encoder(e, o)
	b.classifier(classes)
	return b.finish("inference network")
}

// NewLinear builds a linear classifier on precomputed features [B, features], with the cross-entropy loss and its
// gradients, for linear evaluation.
func NewLinear(features, classes int, o Options) (*Network, error) {
	b := newBuilder(o, false)
	if features < 1 {
		b.fail("number of features is %d, want at least 1", features)
	}
	b.network.Features = b.leaf("features", o.Batch, features)
	b.classifier(classes)
	b.classificationLoss()
	return b.finish("linear classifier")
}
