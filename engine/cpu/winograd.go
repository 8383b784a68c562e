package cpu

import "twinview/engine/lowering"

// Winograd says which 3×3 convolutions of stride 1 may go by Winograd's algorithm F(tile×tile, 3×3) (Lavin and Gray 2016).
// A tile is 0, 2 or 4; 0 is none. The larger the tile, the fewer the products and the larger the rounding errors.
type Winograd struct {
	Forward, InputGrad, WeightGrad int
}

func (w Winograd) tile(d lowering.Direction) int {
	switch d {
	case lowering.Forward:
		return w.Forward
	case lowering.InputGradient:
		return w.InputGrad
	default:
		return w.WeightGrad
	}
}
