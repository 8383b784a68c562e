//go:build gpu

package gpu

// #include <cuda.h>
import "C"

import (
	"fmt"

	"gorgonia.org/cu"
)

// Graph is work that the device does as often as it is asked to, at once.
type Graph struct{ made C.CUgraphExec }

// Capture makes a graph of what f asks a stream for, which is not done meanwhile. The caller frees it.
func Capture(s cu.Stream, f func() error) (*Graph, error) {
	if err := failure(C.cuStreamBeginCapture(streamOf(s), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); err != nil {
		return nil, fmt.Errorf("begin to capture a stream: %w", err)
	}
	asked := f()
	var captured C.CUgraph
	err := failure(C.cuStreamEndCapture(streamOf(s), &captured))
	if asked != nil {
		return nil, asked
	}
	if err != nil {
		return nil, fmt.Errorf("end the capture of a stream: %w", err)
	}
	defer C.cuGraphDestroy(captured)
	g := &Graph{}
	if err := failure(C.cuGraphInstantiateWithFlags(&g.made, captured, 0)); err != nil {
		return nil, fmt.Errorf("make a graph of what was captured: %w", err)
	}
	return g, nil
}

// Launch asks for all of it, behind what the stream has to do.
func (g *Graph) Launch(s cu.Stream) error { return failure(C.cuGraphLaunch(g.made, streamOf(s))) }

// Free gives the graph back. The device must be done with it.
func (g *Graph) Free() error { return failure(C.cuGraphExecDestroy(g.made)) }
