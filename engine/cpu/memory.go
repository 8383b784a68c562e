package cpu

import "twinview/engine"

// held counts the memory of all machines of this process.
var held engine.Meter

// Memory is how many bytes the machines of this process hold now, and the most that they have held at once: leaves, outputs, arenas
// and optimisers' buffers, not what convolutions need to work in. It may be asked at any time.
func Memory() (now, peak int64) { return held.Held() }
