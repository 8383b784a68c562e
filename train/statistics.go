package train

import (
	"fmt"

	"twinview/model"
)

// normMomentum is the weight of the newest batch in the running statistics, PyTorch's default.
const normMomentum = 0.1

// statistics are the running mean and variance of one batch norm, [C] each, in the State's memory.
type statistics struct {
	mean, variance []float32
	batches        []int64
	// count is the number of values per channel in a batch.
	count int
}

// statisticsOf finds those of a network's batch norm in a state.
func statisticsOf(s *State, norm model.NormStats) (statistics, error) {
	channels := norm.Node.Shape()[1]
	mean, err := s.floats(norm.Name+runningMean, channels)
	if err != nil {
		return statistics{}, err
	}
	variance, err := s.floats(norm.Name+runningVar, channels)
	if err != nil {
		return statistics{}, err
	}
	tracked, err := find(s.tensors, norm.Name+batches)
	if err != nil {
		return statistics{}, err
	}
	if len(tracked.Int64s) != 1 {
		return statistics{}, fmt.Errorf("%w: tensor %q is not one int64", ErrOtherState, tracked.Name)
	}
	return statistics{mean: mean, variance: variance, batches: tracked.Int64s, count: norm.Count}, nil
}

// update takes in one batch's statistics [2, C], mean and biased variance. As in torch.nn.BatchNorm2d, the running
// variance is of the unbiased ones, and the running values are float32.
func (s statistics) update(batch []float32) {
	channels := len(s.mean)
	unbiased := 1.0
	if s.count > 1 {
		unbiased = float64(s.count) / float64(s.count-1)
	}
	for c := range channels {
		s.mean[c] = blend(s.mean[c], float64(batch[c]))
		s.variance[c] = blend(s.variance[c], float64(batch[channels+c])*unbiased)
	}
	s.batches[0]++
}

func blend(running float32, batch float64) float32 {
	return float32((1-normMomentum)*float64(running) + normMomentum*batch)
}

// write fills the leaf [2, C] of an inference network.
func (s statistics) write(leaf []float32) {
	copy(leaf, s.mean)
	copy(leaf[len(s.mean):], s.variance)
}
