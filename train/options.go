package train

import (
	"errors"
	"fmt"

	"twinview/engine"
	"twinview/experiment"
)

// Options say how to compute; they change nothing that is computed beyond rounding.
type Options struct {
	// Compile makes the machines: cpu.Compile, or engine.Reference in tests.
	Compile engine.Compiler
	// OnStep is called after each training step, on the caller's goroutine; it may be nil. Heartbeat's Step and Steps
	// are those of the epoch, counted from 1.
	OnStep func(experiment.Heartbeat)
	// OnStepStats is called after each training step, before OnStep, with what the step took; it may be nil.
	OnStepStats func(StepStats)
	// Between is called between two steps, on the caller's goroutine: after each step of an epoch, the last included, and
	// once more where the context ends the epoch early; it may be nil. snapshot makes a copy of the state as it is then,
	// from which the epoch goes on in the same bits as if nothing had been. The values may be copied while training goes on: the
	// state's Write waits for them, and nothing else may be asked of it before. An error ends the epoch.
	Between func(snapshot func() (*State, error)) error
}

// StepStats is what one training step was.
type StepStats struct {
	Stage string
	// Views is the number of images in it.
	Views int
	// Seconds is its time, DataWaitSeconds the part in which it waited for its batch.
	Seconds, DataWaitSeconds float64
	Loss, LearningRate       float64
}

// EpochStats is what one epoch of pretraining or fine-tuning measured of itself.
type EpochStats struct {
	// Size is the height and width of the epoch's views in pixels.
	Size int
	// Kernels are those that ran the epoch.
	Kernels engine.Kernels
	// Loss is the mean over the epoch's steps, each before its update.
	Loss float64
	// Accuracy is the fraction of training images that were classified rightly on the way, 0 in pretraining.
	Accuracy float64
	// LearningRate is that of the last step.
	LearningRate float64
	// Seconds is the time of the training steps, from the first batch's loading to the last update; building and
	// compiling the graph come on top.
	Seconds float64
	// DataWaitSeconds is the part of Seconds in which a step waited for its batch.
	DataWaitSeconds float64
	// ViewsPerSecond counts augmented images: augment.views for each image in pretraining, one in fine-tuning.
	ViewsPerSecond float64
}

// ErrTooFewImages is wrapped by the error for a training set with fewer images than a batch, or than the neighbours that
// vote.
var ErrTooFewImages = errors.New("too few images")

// ErrOtherState is wrapped by the error for a state that belongs to another stage, network or spec.
var ErrOtherState = errors.New("state of other training")

// stepsPerEpoch is the number of whole batches in n images; the remainder is left out of that epoch.
func stepsPerEpoch(stage string, n, batchSize int) (int, error) {
	if batchSize < 1 {
		return 0, fmt.Errorf("%s.batch_size %d: it must be at least 1", stage, batchSize)
	}
	if n < batchSize {
		return 0, fmt.Errorf("%w: %s.batch_size is %d, but the training split has %d images: lower the batch size or "+
			"raise dataset.train_images", ErrTooFewImages, stage, batchSize, n)
	}
	return n / batchSize, nil
}
