package model

import (
	"fmt"

	"twinview/experiment"
)

// projector adds the projection head: linear layers without bias, with batch norm and ReLU behind each but the last
// (Chen et al. 2020, section 4.2; Zbontar et al. 2021, section 2.2). Parameters are named as in a torch.nn.Sequential of
// Linear, BatchNorm1d, ReLU, …, Linear.
func (b *builder) projector(p experiment.Projector) {
	x := b.network.Features
	for layer := range p.Layers - 1 {
		x = b.linear(fmt.Sprintf("projector.%d", 3*layer), x, p.Hidden)
		x = b.relu(b.norm(fmt.Sprintf("projector.%d", 3*layer+1), x))
	}
	b.network.Projection = b.linear(fmt.Sprintf("projector.%d", 3*(p.Layers-1)), x, p.Output)
}

func checkProjector(p experiment.Projector) error {
	switch {
	case p.Layers < 1:
		return fmt.Errorf("method.projector.layers is %d, want at least 1", p.Layers)
	case p.Layers > 1 && p.Hidden < 1:
		return fmt.Errorf("method.projector.hidden is %d, want at least 1", p.Hidden)
	case p.Output < 1:
		return fmt.Errorf("method.projector.output is %d, want at least 1", p.Output)
	}
	return nil
}
