package cpu

import (
	"testing"

	"twinview/engine/enginetest"
)

// Winograd's algorithm rounds what it transforms besides; TestGradientsInEveryPrecision is for that.
func TestBFloat16RoundsWhereTheLoweringSays(t *testing.T) {
	if !Supports(BFloat16) {
		t.Skip("this CPU has no instructions for bfloat16")
	}
	enginetest.TestRounding(t, Compiler(Options{Threads: 2, Precision: BFloat16}),
		enginetest.Lowered{Precision: BFloat16, Accumulates: addsInPassing})
}
