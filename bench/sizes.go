package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"twinview/experiment"
	"twinview/model"
)

// sizes say what is measured, and how often.
type sizes struct {
	Views, Width, Size int
	// Tile is the largest of Winograd's algorithm that the engine may use, 0 for direct convolutions only.
	Tile        int
	Repetitions int
	// EpochSteps is the number of steps of an epoch; MemoryImages is the batch that memory is measured with.
	EpochSteps, MemoryImages int
	Quick                    bool
}

// full is the network of the published recipes. quick is small enough for a test, and says nothing about speed.
var (
	full  = sizes{Views: 256, Width: 64, Size: 32, Tile: 4, Repetitions: 5, EpochSteps: 3, MemoryImages: 512}
	quick = sizes{Views: 16, Width: 8, Size: 16, Tile: 4, Repetitions: 1, EpochSteps: 2, MemoryImages: 8, Quick: true}
)

func (s *sizes) flags(f *pflag.FlagSet) {
	*s = full
	f.IntVar(&s.Views, "views", s.Views, "views in a batch, two an image")
	f.IntVar(&s.Width, "width", s.Width, "channels of the network's first stage")
	f.IntVar(&s.Size, "size", s.Size, "height and width of a view in pixels")
	f.IntVar(&s.Tile, "winograd", s.Tile, "largest tile of Winograd's algorithm in the engine: 0 (none), 2 or 4")
	f.IntVar(&s.Repetitions, "repetitions", s.Repetitions, "samples of each measurement; the median counts")
	f.IntVar(&s.MemoryImages, "memory-images", s.MemoryImages, "images in the batch of the memory measurement")
	f.BoolVar(&s.Quick, "quick", false, "a tiny network once, to see that everything runs; ignores the other sizes")
}

// resolve applies --quick and refuses what cannot be measured.
func (s *sizes) resolve() error {
	if s.Quick {
		*s = quick
	}
	if s.Views < 4 || s.Views%2 != 0 {
		return fmt.Errorf("--views is %d: it must be even and at least 4", s.Views)
	}
	if s.Repetitions < 1 {
		return fmt.Errorf("--repetitions is %d: it must be at least 1", s.Repetitions)
	}
	return nil
}

// spec is SimCLR with every default but these sizes: batches of the given number of images.
func (s sizes) spec(images int) *experiment.Spec {
	spec := experiment.Default()
	spec.Name = "bench"
	spec.Dataset.Name = experiment.Synthetic
	spec.Encoder.Width = s.Width
	spec.Augment.Size = s.Size
	spec.Pretrain.BatchSize = images
	return &spec
}

func (s sizes) pretraining() (*model.Network, error) {
	spec := s.spec(s.Views / 2)
	n, err := model.NewPretraining(spec.Encoder, spec.Method, model.Options{Batch: s.Views, Size: s.Size})
	if err != nil {
		return nil, fmt.Errorf("build SimCLR with %d views: %w", s.Views, err)
	}
	model.Initialise(n, spec.Seed)
	return n, nil
}
