package train

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
)

const tinyClasses = 3

// tinySpec is an experiment on 8×8 images that the reference machine runs in milliseconds.
func tinySpec(method string) *experiment.Spec {
	normalize := experiment.Normalize{Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.25, 0.25, 0.25}}
	view := experiment.View{
		Crop:      experiment.Crop{Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 1.25}},
		Flip:      0.5,
		Jitter:    experiment.ColorJitter{Probability: 0.8, Brightness: 0.2, Contrast: 0.2, Saturation: 0.2, Hue: 0.05},
		Blur:      experiment.Blur{Kernel: 3, Sigma: [2]float64{0.1, 1}},
		Solarize:  experiment.Solarize{Threshold: 0.5},
		Normalize: normalize,
	}
	second := view
	second.Grayscale = 0.5
	optimizer := experiment.Optimizer{
		Name: experiment.SGD, LearningRate: 0.05, WeightDecay: 1e-4, Momentum: 0.9, TrustCoefficient: 0.01,
		Betas: [2]float64{0.9, 0.999}, Epsilon: 1e-8,
	}
	cosine := experiment.Schedule{Name: experiment.Cosine, WarmupEpochs: 0.5}
	return &experiment.Spec{
		Name: "tiny", Seed: 7,
		Dataset: experiment.Dataset{Name: experiment.Synthetic},
		Encoder: experiment.Encoder{Architecture: experiment.ResNet18, Width: 8},
		Method: experiment.Method{
			Name: method, Temperature: 0.5, Lambda: 0.005,
			Projector: experiment.Projector{Layers: 2, Hidden: 16, Output: 8},
		},
		Augment:  experiment.Augment{Size: 8, FirstView: view, SecondView: &second},
		Pretrain: experiment.Pretrain{Epochs: 3, BatchSize: 4, Optimizer: optimizer, Schedule: cosine},
		Linear:   experiment.Linear{Epochs: 3, BatchSize: 4, Optimizer: optimizer, Schedule: cosine},
		Finetune: experiment.Finetune{Epochs: 3, BatchSize: 4, Optimizer: optimizer, Schedule: cosine, Augment: view},
		Compute:  experiment.Compute{EvaluationBatchSize: 4},
	}
}

// tinyImages have a colour that belongs to the class, a shade that belongs to the image, and noise.
func tinyImages(n int) dataset.Images {
	r := rand.New(rand.NewPCG(5, 6))
	images := dataset.Images{Height: 8, Width: 8}
	for i := range n {
		label := i % tinyClasses
		images.Labels = append(images.Labels, uint8(label))
		for range 8 * 8 {
			for channel := range 3 {
				value := r.IntN(60) + 17*i%70
				if channel == label {
					value += 120
				}
				images.Pixels = append(images.Pixels, uint8(value))
			}
		}
	}
	return images
}

var (
	onReference = Options{Compile: engine.Reference}
	// onCPU takes one thread, as the networks are too small for more.
	onCPU = Options{Compile: cpu.Compiler(cpu.Options{Threads: 1})}
)

func pretrain(t *testing.T, spec *experiment.Spec, s *State, epochs int) []EpochStats {
	t.Helper()
	var all []EpochStats
	for range epochs {
		stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), s, onReference)
		require.NoError(t, err)
		all = append(all, stats)
	}
	return all
}

func newPretrained(t *testing.T, spec *experiment.Spec) *State {
	t.Helper()
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	pretrain(t, spec, s, 1)
	return s
}

// written is the state's serialised form: equal bytes are equal bits.
func written(t *testing.T, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Write(&b))
	return b.Bytes()
}

// reread sends a state through its serialised form.
func reread(t *testing.T, s *State) *State {
	t.Helper()
	read, err := ReadState(bytes.NewReader(written(t, s)))
	require.NoError(t, err)
	return read
}

// withProcs runs f with a number of operating-system threads that run Go code at once.
func withProcs(procs int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	f()
}
