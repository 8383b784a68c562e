package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"

	"twinview/experiment"
)

// sampleInput is a result with smooth made-up curves of the given numbers of epochs.
func sampleInput(pretrain, linear, finetune int) Input {
	spec := experiment.Default()
	spec.Name = "sample"
	spec.Pretrain.Epochs, spec.Linear.Epochs, spec.Finetune.Epochs = pretrain, linear, finetune
	r := experiment.Result{
		Experiment: spec.Name,
		Data: experiment.PreparedData{
			Name: "cifar10", SHA256: strings.Repeat("0a", 32), Archive: artifact("datasets/cifar10/cifar-10-binary.tar.gz"),
			Classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
			Train:   45000, Validation: 5000, Test: 10000,
		},
		Best: experiment.Selection{
			Epoch: pretrain, Criterion: "validation kNN accuracy", Value: knnAt(pretrain),
			Checkpoint: artifact("experiments/sample/pretrain/epoch-0001.safetensors"),
			Model:      artifact("experiments/sample/simclr_best_epoch.pt"),
		},
		Linear:   classification("linear", linear, 0.62),
		Finetune: classification("finetune", finetune, 0.81),
		Test:     experiment.TestResult{KNNAccuracy: 0.5912, KNNTrainAccuracy: 0.617},
		Artifacts: map[string]experiment.Artifact{
			"spec.yaml": artifact("experiments/sample/spec.yaml"),
		},
	}
	for e := 1; e <= pretrain; e++ {
		p := experiment.PretrainEpoch{
			Epoch: e, Step: 87 * e, Size: 32, Loss: 4.6 + 1.9*math.Exp(-float64(e)/12), LearningRate: 1 + math.Cos(3*float64(e)/float64(pretrain)),
			Seconds: 30.25, ViewsPerSecond: 2970, DataWaitSeconds: 0.25, Kernels: "39 × F(4x4,3x3), bfloat16, 20 × oneDNN",
			Worker: fmt.Sprintf("worker-%d", e*2/(pretrain+1)),
			Usage:  &experiment.Usage{Hardware: "2 cores of a test machine", Seconds: 35.5, Joules: new(2500.)},
		}
		if e%5 == 0 || e == pretrain {
			p.KNN, p.KNNSeconds = new(knnAt(e)), 1.25
		}
		r.Pretrain = append(r.Pretrain, p)
	}
	in := Input{Spec: spec, Result: r, Hardware: "2 cores of a test machine", Versions: map[string]string{"oneDNN": "2.6.0"}}
	if linear > 0 {
		in.Result.Test.LinearConfusion = confusionOf(620)
	}
	if finetune > 0 {
		in.Result.Test.FinetuneConfusion = confusionOf(810)
	}
	in.Result.Test.Usage = &experiment.Usage{Hardware: "another test machine", Seconds: 12, Joules: new(900.)}
	in.Exhibits = exhibits()
	for i := range 6 {
		in.Views = append(in.Views, [2]image.Image{pattern(i, 0), pattern(i, 3)})
	}
	return in
}

func knnAt(epoch int) float64 { return 0.6 - 0.3*math.Exp(-float64(epoch)/20) }

func classification(stage string, epochs int, best float64) experiment.Classification {
	if epochs == 0 {
		return experiment.Classification{}
	}
	c := experiment.Classification{Best: experiment.Selection{
		Epoch: (3*epochs + 3) / 4, Criterion: "validation accuracy", Value: best,
		Checkpoint: artifact("experiments/sample/" + stage + "/checkpoint.safetensors"),
		Model:      artifact("experiments/sample/" + stage + "_best.pt"),
	}}
	if stage == "linear" && epochs > 0 {
		c.Usage = &experiment.Usage{Hardware: "2 cores of a test machine", Seconds: 20, Joules: new(1000.)}
	}
	for e := 1; e <= epochs; e++ {
		x := math.Exp(-4 * float64(e) / float64(epochs))
		c.Epochs = append(c.Epochs, experiment.ClassifierEpoch{
			Epoch: e, TrainLoss: 0.9 + x, TrainAccuracy: best + 0.05 - 0.3*x,
			ValidationLoss: 1.1 + 0.8*x, ValidationAccuracy: best - 0.25*x,
			TestLoss: new(1.12 + 0.8*x), TestAccuracy: new(best - 0.01 - 0.25*x), Seconds: 3.5,
		})
		if stage == "finetune" {
			c.Epochs[e-1].Usage = &experiment.Usage{Hardware: "2 cores of a test machine", Seconds: 4, Joules: new(300.)}
		}
	}
	return c
}

// confusionOf is a table of ten classes with the given number of right images of 1000 in each; the next class gets most of
// the others.
func confusionOf(right int) [][]int {
	counts := make([][]int, 10)
	for i := range counts {
		counts[i] = make([]int, 10)
		counts[i][i] = right
		counts[i][(i+1)%10] = (1000 - right) * 3 / 4
		counts[i][(i+3)%10] = 1000 - right - counts[i][(i+1)%10]
	}
	return counts
}

// exhibits are two test images, one of which is classified rightly, and a map of forty.
func exhibits() *Exhibits {
	picture := func(i, class int) Picture {
		var data bytes.Buffer
		if err := png.Encode(&data, pattern(i, class)); err != nil {
			panic(err)
		}
		return Picture{Index: i, Class: class, PNG: data.Bytes()}
	}
	e := Exhibits{Map: &Map{Method: "a method of tests"}}
	for i := range 2 {
		x := Exhibit{Picture: picture(i, 3), Predicted: 3 + i}
		for j := range 8 {
			n := Neighbour{Picture: picture(j, 3+(i+j)%2), Similarity: 0.9 - 0.01*float64(j)}
			x.Nearest = append(x.Nearest, n)
		}
		e.Neighbours = append(e.Neighbours, x)
	}
	for i := range 40 {
		e.Map.X = append(e.Map.X, float64(i%10)+0.1*float64(i))
		e.Map.Y = append(e.Map.Y, float64(i*i%17))
		e.Map.Class = append(e.Map.Class, i%10)
	}
	return &e
}

func artifact(key string) experiment.Artifact {
	return experiment.Artifact{Key: key, SHA256: strings.Repeat("5e", 32), Size: 44_700_000}
}

// pattern is a small picture with some colour in it.
func pattern(i, shift int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(8 * (x + shift)), uint8(40 * i), uint8(8 * y), 255})
		}
	}
	return m
}

// withAblation adds an ablation of one fraction.
func withAblation(in Input) Input {
	if err := experiment.Set(&in.Spec, "ablation.label_fractions=[0.01]"); err != nil {
		panic(err)
	}
	for i, arm := range in.Spec.Ablation.Arms() {
		c := classification(arm.Stage(), 4, 0.5-0.2*float64(i))
		for e := range c.Epochs {
			c.Epochs[e].TestLoss, c.Epochs[e].TestAccuracy = nil, nil
		}
		in.Result.Ablation = append(in.Result.Ablation, experiment.AblationArm{
			Arm: arm, Labels: arm.Labels(in.Result.Data.Train), Epochs: c.Epochs, Best: c.Best,
			Test: &experiment.TestScore{Loss: 1.5, Accuracy: 0.49 - 0.2*float64(i)},
		})
	}
	return in
}

// withAugmented adds linear evaluation with augmentation.
func withAugmented(in Input, epochs int) Input {
	if err := experiment.Set(&in.Spec, fmt.Sprintf("linear_augmented.epochs=%d", epochs)); err != nil {
		panic(err)
	}
	in.Result.LinearAugmented = new(classification("linear_augmented", epochs, 0.66))
	return in
}
