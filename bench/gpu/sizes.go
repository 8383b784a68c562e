//go:build gpu

package main

import (
	"fmt"

	"twinview/bench/gpu/result"
	"twinview/engine/cuda/kernels"
)

// sizes are those of a training step of ResNet-18.
type sizes struct {
	views, size, width, hidden, output int
	// images are those of the data set, barlow is the width of Barlow Twins' projections.
	images, barlow int
}

func stepSizes(quick bool) sizes {
	if quick {
		return sizes{views: 2, size: 8, width: 8, hidden: 16, output: 8, images: 8, barlow: 32}
	}
	return sizes{views: 1024, size: 32, width: 64, hidden: 1024, output: 128, images: 45000, barlow: 2048}
}

// stage is one of the network's four: activations of a size.
type stage struct {
	size, channels int
	// norms are its batch norms, blocks those of them behind which a shortcut is added.
	norms, blocks int
	// head is set for what is behind the encoder.
	head bool
}

func (s stage) String() string {
	if s.head {
		return result.ProjectionHead
	}
	return fmt.Sprintf("%d channels of %d×%d", s.channels, s.size, s.size)
}

// head is the projection head, whose batch norm is in float32 in every training.
func (s sizes) head() stage {
	return stage{size: 1, channels: s.hidden, norms: 1, head: true}
}

func (s sizes) stages() []stage {
	var stages []stage
	for i := range 4 {
		stages = append(stages, stage{size: max(1, s.size>>i), channels: s.width << i, norms: 5, blocks: 2})
	}
	return stages
}

// layer is a convolution that the network has several times. Images have `in` channels before they are padded.
type layer struct {
	kernels.Convolution
	count, in int
}

func (l layer) String() string {
	return fmt.Sprintf("%d→%d %d×%d/%d on %d×%d", l.in, l.Out, l.Kernel, l.Kernel, l.Stride, l.Height, l.Width)
}

// operations count a multiplication and an addition as two, and products with the border's zeros as if they were made.
func (l layer) operations() float64 {
	_, _, y := l.Sizes()
	return 2 * float64(y) * float64(l.in*l.Kernel*l.Kernel)
}

func (s sizes) layers() []layer {
	convolution := func(size, in, out, kernel, stride, count int) layer {
		return layer{Convolution: kernels.Convolution{
			Batch: s.views, Height: size, Width: size, In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2,
		}, count: count, in: in}
	}
	stem := convolution(s.size, 3, s.width, 3, 1, 1)
	stem.Convolution = stem.Padded(4)
	layers := []layer{stem, convolution(s.size, s.width, s.width, 3, 1, 4)}
	for i := 1; i < 4; i++ {
		size, in, out := max(1, s.size>>(i-1)), s.width<<(i-1), s.width<<i
		layers = append(layers, convolution(size, in, out, 3, 2, 1), convolution(max(1, size/2), out, out, 3, 1, 3),
			convolution(size, in, out, 1, 2, 1))
	}
	return layers
}
