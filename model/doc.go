// Package model writes the networks of contrastive learning as Gorgonia expression graphs: ResNets with the CIFAR stem,
// projection heads, the losses of SimCLR and Barlow Twins, and classifiers.
//
// The graphs are made of this package's own ops and gorgonia.Add. Each op has a symbolic gradient, so gorgonia.Grad
// differentiates whole networks, and a plain reference implementation in Go (Do), so that Gorgonia's own machines can run
// them: slowly, but as the truth that a faster engine is tested against.
//
// Activations are NHWC, convolution weights OIHW and linear weights [out, in], as PyTorch stores them. The ops compute in
// the type of their inputs, float32 or float64, and accumulate sums in float64.
package model
