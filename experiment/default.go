package experiment

// Default is the spec that every YAML file starts from: SimCLR on CIFAR-10 as in Chen et al. 2020, appendix B.9, with
// ResNet-18 for ResNet-50 and the settings of their published code (google-research/simclr, README: batch size 512,
// LARS at 1.0·512/256, weight decay 1e-6, τ = 0.5, colour strength 0.5, no blur). It has no name, so it does not
// validate before it is given one.
func Default() Spec {
	return Spec{
		Seed:        1,
		Dataset:     Dataset{Name: CIFAR10, ValidationImages: 5000},
		Encoder:     Encoder{Architecture: ResNet18, Width: 64},
		Method:      simCLR(),
		Augment:     Augment{Size: 32, FirstView: contrastiveView()},
		Pretrain:    Pretrain{Epochs: 100, BatchSize: 512, Optimizer: lars(2, 1e-6), Schedule: warmCosine(10)},
		KNN:         defaultKNN(),
		Linear:      defaultLinear(),
		Finetune:    defaultFinetune(),
		Checkpoints: Checkpoints{KeepLast: 3, EverySeconds: 60},
		Compute:     Compute{Precision: Auto, Winograd: Auto, Kernels: Fixed, EvaluationBatchSize: 256},
	}
}

// DefaultFor is Default with the method of that name and what belongs to it. The defaults of Barlow Twins are those of
// Zbontar et al. 2021, section 2 (two asymmetric views, λ = 0.0051), with the sizes and the optimiser that solo-learn
// uses on CIFAR-10 (scripts/pretrain/cifar/barlow.yaml). A name that is no method gets Default, under that name, for
// Validate to refuse.
func DefaultFor(method string) Spec {
	s := Default()
	if method != BarlowTwins {
		loss, _ := LossOf(method)
		s.Method.Name, s.Method.Parameters = method, loss.defaults()
		return s
	}
	s.Method = barlowTwins()
	s.Augment = Augment{Size: 32, FirstView: blurredView(), SecondView: new(solarizedView())}
	s.Pretrain.BatchSize = 256
	s.Pretrain.Optimizer = lars(0.3, 1e-4)
	s.Pretrain.Optimizer.TrustCoefficient = 0.02
	s.Pretrain.Optimizer.BiasLearningRate = 0.03
	return s
}

// defaultOn is DefaultFor on a data set, of which Name and Labels count: with the statistics that it is normalised with, and
// without what its labels don't allow.
func defaultOn(d Dataset, method string) Spec {
	s := DefaultFor(method)
	s.Dataset.Name, s.Dataset.Labels = d.Name, d.Labels
	if d.Name == ImageFolder {
		s.Dataset.ValidationImages = 0
	}
	if !d.Labelled() {
		s.Linear.Epochs, s.Finetune.Epochs = 0, 0
	}
	for _, view := range s.views() {
		view.Normalize = d.statistics()
	}
	return s
}

// simCLR has the head of Chen et al. 2020, section 2.1: one hidden layer as wide as the representation, 128 outputs.
// Lambda is there for specs that switch the method.
func simCLR() Method {
	return Method{
		Name: SimCLR, Temperature: 0.5, Lambda: 0.0051, Projector: Projector{Layers: 2, Hidden: 512, Output: 128},
	}
}

func barlowTwins() Method {
	return Method{
		Name: BarlowTwins, Temperature: 0.5, Lambda: 0.0051,
		Projector: Projector{Layers: 3, Hidden: 2048, Output: 2048},
	}
}

// contrastiveView is Chen et al. 2020, appendix A and B.9: crops, flips and colour distortion of strength 0.5. The blur
// is off and has the size it would have, a tenth of the image, for specs that switch it on.
func contrastiveView() View {
	return View{
		Crop:      Crop{Scale: [2]float64{0.08, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Flip:      0.5,
		Jitter:    ColorJitter{Probability: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1},
		Grayscale: 0.2,
		Blur:      Blur{Probability: 0, Kernel: 3, Sigma: [2]float64{0.1, 2}},
		Solarize:  Solarize{Probability: 0, Threshold: 0.5},
		Normalize: cifar10Statistics(),
	}
}

// blurredView is the first view of Barlow Twins: always blurred, never solarised.
func blurredView() View {
	v := contrastiveView()
	v.Jitter.Saturation = 0.2
	v.Blur.Probability = 1
	return v
}

// solarizedView is the second view of Barlow Twins: seldom blurred, sometimes solarised.
func solarizedView() View {
	v := blurredView()
	v.Blur.Probability = 0.1
	v.Solarize.Probability = 0.2
	return v
}

// supervisedView is the usual augmentation of CIFAR-10 classifiers, as crops from the larger part of the image.
func supervisedView() View {
	v := contrastiveView()
	v.Crop.Scale[0] = 0.5
	v.Jitter.Probability = 0
	v.Grayscale = 0
	return v
}

// cifar10Statistics are the mean and standard deviation of the channels over CIFAR-10's training images.
func cifar10Statistics() Normalize {
	return Normalize{Mean: [3]float64{0.4914, 0.4822, 0.4465}, Std: [3]float64{0.2470, 0.2435, 0.2616}}
}

// defaultKNN is a monitor of the whole training and validation splits that takes less than a twentieth of pretraining. It
// is 50,000 forward passes every five epochs of 87 steps of 1,024 views, each forward and backward: 50,000 images at 740/s
// and 5,000 searches among 45,000 features (14 s) beside 445,440 views at 258/s are 82 s beside 1,727 s, or 4.5 % of both
// together, on two cores of an AMD EPYC that did other things meanwhile. throughput.knn_share of metrics.json says what it
// was in a run. 10 neighbours are those of the published references in configs.
func defaultKNN() KNN { return KNN{K: 10, EveryEpochs: 5} }

// defaultLinear trains a classifier on precomputed representations with Adam and a cosine schedule, as Ermolov et al.
// 2021 (W-MSE, section 4) evaluate.
func defaultLinear() Linear {
	return Linear{Epochs: 100, BatchSize: 512, Optimizer: adamW(0.01, 5e-6), Schedule: warmCosine(0)}
}

// defaultLinearAugmented is defaultLinear with crops and flips. An epoch is a pass of the encoder, so it has fewer of them.
func defaultLinearAugmented() LinearAugmented {
	l := defaultLinear()
	return LinearAugmented{
		Epochs: 20, BatchSize: l.BatchSize, Optimizer: l.Optimizer, Schedule: l.Schedule, Augment: supervisedView(),
	}
}

// defaultFinetune follows Chen et al. 2020, appendix B.5: SGD with Nesterov momentum 0.9 at a rate of 0.05·batch/256
// without weight decay.
func defaultFinetune() Finetune {
	return Finetune{
		Epochs: 30, BatchSize: 256, Optimizer: sgd(0.05), Schedule: warmCosine(0), Augment: supervisedView(),
	}
}

// defaultAblation is fine-tuning in small: 1 % and 10 % of the labels as in Chen et al. 2020, section 6.1, with the optimiser
// of their appendix B.5 at this batch. One thousand steps of 128 images are 128,000 views an arm.
func defaultAblation(d Dataset) Ablation {
	a := Ablation{
		LabelFractions: []float64{0.01, 0.1}, Epochs: 10, StepsPerEpoch: 100, BatchSize: 128,
		Optimizer: sgd(0.025), Schedule: warmCosine(0), Augment: supervisedView(),
	}
	a.Augment.Normalize = d.statistics()
	return a
}

// sgd, lars and adamW differ in name, learning rate and weight decay only, so a spec that names another optimiser finds
// its constants in place: η of LARS from You et al. 2017, betas and ε of Adam from Kingma and Ba 2015.
func sgd(learningRate float64) Optimizer {
	return Optimizer{
		Name: SGD, LearningRate: learningRate, Momentum: 0.9, Nesterov: true,
		TrustCoefficient: 0.001, Betas: [2]float64{0.9, 0.999}, Epsilon: 1e-8,
	}
}

func lars(learningRate, weightDecay float64) Optimizer {
	o := sgd(learningRate)
	o.Name, o.WeightDecay, o.Nesterov = LARS, weightDecay, false
	return o
}

func adamW(learningRate, weightDecay float64) Optimizer {
	o := sgd(learningRate)
	o.Name, o.WeightDecay, o.Nesterov = AdamW, weightDecay, false
	return o
}

func warmCosine(epochs float64) Schedule { return Schedule{Name: Cosine, WarmupEpochs: epochs} }
