package kernels

// Parameter is one parameter as the kernels of optimizer.cu have it in the device's memory. Addresses are the device's.
type Parameter struct {
	Value, Grad uint64
	// First and Second are the rule's buffers, 0 where it keeps fewer: for SGD with momentum and for LARS the momentum, for
	// AdamW the mean of gradients and the mean of their squares.
	First, Second uint64
	Length        int64
	firstChunk    int32
	chunks        int32
	// Excluded is 1 for a parameter that takes neither weight decay nor LARS's trust ratio, else 0.
	Excluded int32
	_        int32
}

// Chunk is the part of one parameter that a block moves.
type Chunk struct {
	First     int64
	Parameter int32
	Length    int32
}

// OptimizerStep is what differs from step to step.
type OptimizerStep struct {
	Rate   float64
	Number int64 // from 1
}

// chunkElements is the number of elements of a whole chunk, 16 a thread.
const chunkElements = 16 * blockThreads

// Chunks divides the parameters among blocks, and notes in each parameter which chunks are its own. Both tables then go to the
// device as they are.
func Chunks(parameters []Parameter) []Chunk {
	var chunks []Chunk
	for i := range parameters {
		p := &parameters[i]
		p.firstChunk = int32(len(chunks))
		for first := int64(0); first < p.Length; first += chunkElements {
			length := min(chunkElements, p.Length-first)
			chunks = append(chunks, Chunk{First: first, Parameter: int32(i), Length: int32(length)})
		}
		p.chunks = int32(len(chunks)) - p.firstChunk
	}
	return chunks
}

// Optimizer is the launch of every kernel of optimizer.cu.
func Optimizer(chunks int) Launch {
	return Launch{Grid: [3]int{chunks, 1, 1}, Block: [3]int{blockThreads, 1, 1}}
}
