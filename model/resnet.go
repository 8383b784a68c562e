package model

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/experiment"
)

// blocksPerStage is the depth of each ResNet (He et al. 2015, table 1).
var blocksPerStage = map[string][4]int{
	experiment.ResNet18: {2, 2, 2, 2},
	experiment.ResNet34: {3, 4, 6, 3},
}

// encoder adds a ResNet of basic blocks (He et al. 2015) as torchvision builds and names it, with the stem for CIFAR of
// SimCLR (Chen et al. 2020, appendix B.9): a 3×3 convolution of stride 1 and no max-pooling.
func (b *builder) encoder(e experiment.Encoder, o Options) {
	depth, known := blocksPerStage[e.Architecture]
	switch {
	case !known:
		b.fail("encoder.architecture is %q, want %q or %q", e.Architecture, experiment.ResNet18, experiment.ResNet34)
	case e.Width < 1:
		b.fail("encoder.width is %d, want at least 1", e.Width)
	case o.Size < 1:
		b.fail("image size is %d, want at least 1", o.Size)
	}
	b.network.Images = b.leaf("images", o.Batch, o.Size, o.Size, 3)
	x := b.relu(b.norm("bn1", b.conv("conv1", b.network.Images, e.Width, 3, 1)))
	for stage, blocks := range depth {
		for block := range blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			x = b.basicBlock(fmt.Sprintf("layer%d.%d", stage+1, block), x, e.Width<<stage, stride)
		}
	}
	b.network.Features = b.apply(GlobalAvgPool{}, x)
}

// basicBlock adds two 3×3 convolutions and the shortcut around them (He et al. 2015, figure 5, left), which is a strided
// 1×1 convolution where the block changes size and channels (option B).
func (b *builder) basicBlock(name string, x *gorgonia.Node, channels, stride int) *gorgonia.Node {
	y := b.relu(b.norm(name+".bn1", b.conv(name+".conv1", x, channels, 3, stride)))
	y = b.norm(name+".bn2", b.conv(name+".conv2", y, channels, 3, 1))
	shortcut := x
	if stride != 1 {
		shortcut = b.norm(name+".downsample.1", b.conv(name+".downsample.0", x, channels, 1, stride))
	}
	return b.relu(b.add(y, shortcut))
}
