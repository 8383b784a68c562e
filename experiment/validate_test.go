package experiment

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// digest is a well-formed one.
var digest = strings.Repeat("0a", 32)

// The warm-up is a default for many epochs: no training has none.
func TestValidateAllowsNoPretraining(t *testing.T) {
	s := Default()
	s.Name, s.Pretrain.Epochs, s.Encoder.Weights = "a", 0, &Weights{"https://example.org/a.pt", digest}
	require.NoError(t, s.Validate())
	s.Pretrain.Schedule.WarmupEpochs = math.NaN()
	require.ErrorContains(t, s.Validate(), "pretrain.schedule.warmup_epochs")
}

func TestValidateNamesFieldValueAndRange(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	for _, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Name = "" }, `name: "" names no experiment: must be 1 to 63 lowercase letters`},
		{func(s *Spec) { s.Name = "../../etc" }, `name: "../../etc" names no experiment`},
		{func(s *Spec) { s.Name = "A" }, "name:"},
		{func(s *Spec) { s.Name = "-a" }, "name:"},
		{func(s *Spec) { s.Name = "a\n" }, "name:"},
		{func(s *Spec) { s.Name = strings.Repeat("a", 64) }, "name:"},

		{func(s *Spec) { s.Dataset.Name = "imagenet" }, `dataset.name: "imagenet" is unknown: must be cifar10 or cifar100 or image_folder or synthetic`},
		{func(s *Spec) { s.Dataset.Source = "a.tar.gz" }, `dataset.sha256: "" is missing: must be the digest of dataset.source`},
		{func(s *Spec) { s.Dataset.SHA256 = digest[1:] }, "is no digest: must be 64 digits"},
		{func(s *Spec) { s.Dataset.SHA256 = strings.ToUpper(digest) }, "dataset.sha256:"},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "ftp://a/b", digest }, "must be a path or an http(s) URL"},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https:///b", digest }, "must be a path or an http(s) URL"},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://me:secret@a/b", digest }, `dataset.source: "(hidden)" holds credentials`},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://me:secret@[/b", digest }, `dataset.source: "(hidden)" can't be fetched`},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://a/b?x=1&X-Amz-Signature=secret", digest },
			`dataset.source: "(hidden)" holds credentials in its parameter "X-Amz-Signature"`},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://a/b?sv=2024&sig=secret", digest }, `in its parameter "sig"`},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://a/b?access_token=secret", digest }, `parameter "access_token"`},
		{func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://a:/b:c?sig=%secret", digest }, `in its parameter "sig"`},
		{func(s *Spec) { s.Dataset.Name, s.Dataset.Source = Synthetic, "a" }, "the synthetic set is drawn by code"},
		{func(s *Spec) { s.Dataset.TrainImages = -1 }, "dataset.train_images: -1 is out of range: must be 0 (all) or 10 to 50000"},
		{func(s *Spec) { s.Dataset.TrainImages = 9 }, "dataset.train_images: 9"},
		{func(s *Spec) { s.Dataset.TrainImages = 45001 }, "45001 is too many: 5000 of the 50000 images are for validation"},
		{func(s *Spec) { s.Dataset.ValidationImages = 0 }, "dataset.validation_images: 0 is out of range: must be 10 to 25000"},
		{func(s *Spec) { s.Dataset.TestImages = 10001 }, "dataset.test_images: 10001 is out of range: must be 0 (all) or 10 to 10000"},

		{func(s *Spec) { s.Encoder.Architecture = "resnet50" }, `encoder.architecture: "resnet50" is unknown: must be resnet18 or resnet34`},
		{func(s *Spec) { s.Encoder.Width = 0 }, "encoder.width: 0 is out of range: must be a multiple of 8 from 8 to 256"},
		{func(s *Spec) { s.Encoder.Width = 20 }, "encoder.width: 20"},
		{func(s *Spec) { s.Encoder.Width = 264 }, "encoder.width: 264"},

		{func(s *Spec) { s.Method.Name = "byol" }, `method.name: "byol" is unknown: must be simclr or barlow_twins`},
		{func(s *Spec) { s.Method.Temperature = 0 }, "method.temperature: 0 is out of range: must be 0.001 to 100"},
		{func(s *Spec) { s.Method.Temperature = math.NaN() }, "method.temperature: NaN is out of range"},
		{func(s *Spec) { s.Method.Temperature = math.Inf(1) }, "method.temperature: +Inf is out of range"},
		{func(s *Spec) { s.Method.Lambda = math.NaN() }, "method.lambda: NaN is no finite number"},
		{func(s *Spec) { s.Method.Name, s.Method.Lambda = BarlowTwins, -1 }, "method.lambda: -1 is out of range: must be 0 to 1"},
		{func(s *Spec) { s.Method.Projector.Layers = 0 }, "method.projector.layers: 0"},
		{func(s *Spec) { s.Method.Projector.Hidden = 0 }, "method.projector.hidden: 0"},
		{func(s *Spec) { s.Method.Projector.Output = 1 }, "method.projector.output: 1 is out of range: must be 2 to 16384"},

		{func(s *Spec) { s.Augment.Size = 7 }, "augment.size: 7 is out of range: must be 8 to 256"},
		{func(s *Spec) { s.Augment.FirstView.Crop.Scale = [2]float64{0, 1} }, "augment.first_view.crop.scale: [0 1] is out of range: must be [low, high] with low at most high, both greater than 0 and at most 1"},
		{func(s *Spec) { s.Augment.FirstView.Crop.Scale = [2]float64{1, 0.5} }, "augment.first_view.crop.scale: [1 0.5]"},
		{func(s *Spec) { s.Augment.FirstView.Crop.Scale[1] = math.NaN() }, "augment.first_view.crop.scale: [0.08 NaN]"},
		{func(s *Spec) { s.Augment.FirstView.Crop.Ratio[0] = 0 }, "augment.first_view.crop.ratio:"},
		{func(s *Spec) { s.Augment.FirstView.Flip = 1.1 }, "augment.first_view.flip_probability: 1.1 is out of range: must be 0 to 1"},
		{func(s *Spec) { s.Augment.FirstView.Grayscale = -0.1 }, "augment.first_view.grayscale_probability: -0.1"},
		{func(s *Spec) { s.Augment.FirstView.Jitter.Probability = 2 }, "augment.first_view.color_jitter.probability: 2"},
		{func(s *Spec) { s.Augment.FirstView.Jitter.Brightness = -1 }, "augment.first_view.color_jitter.brightness: -1"},
		{func(s *Spec) { s.Augment.FirstView.Jitter.Contrast = 11 }, "augment.first_view.color_jitter.contrast: 11"},
		{func(s *Spec) { s.Augment.FirstView.Jitter.Saturation = math.Inf(1) }, "augment.first_view.color_jitter.saturation: +Inf"},
		{func(s *Spec) { s.Augment.FirstView.Jitter.Hue = 0.6 }, "augment.first_view.color_jitter.hue: 0.6 is out of range: must be 0 to 0.5"},
		{func(s *Spec) { s.Augment.FirstView.Blur.Probability = 2 }, "augment.first_view.gaussian_blur.probability: 2"},
		{func(s *Spec) { s.Augment.FirstView.Blur.Kernel = 4 }, "augment.first_view.gaussian_blur.kernel: 4 is out of range: must be an odd number from 1 to 63"},
		{func(s *Spec) { s.Augment.FirstView.Blur.Kernel = -1 }, "augment.first_view.gaussian_blur.kernel: -1"},
		{func(s *Spec) { s.Augment.FirstView.Blur.Kernel = 65 }, "augment.first_view.gaussian_blur.kernel: 65"},
		{func(s *Spec) { s.Augment.FirstView.Blur.Sigma = [2]float64{0, 2} }, "augment.first_view.gaussian_blur.sigma: [0 2]"},
		{func(s *Spec) { s.Augment.FirstView.Solarize.Probability = 2 }, "augment.first_view.solarize.probability: 2"},
		{func(s *Spec) { s.Augment.FirstView.Solarize.Threshold = 128 }, "augment.first_view.solarize.threshold: 128 is out of range: must be 0 to 1"},
		{func(s *Spec) { s.Augment.FirstView.Normalize.Mean[1] = 125 }, "augment.first_view.normalize.mean[1]: 125"},
		{func(s *Spec) { s.Augment.FirstView.Normalize.Std[2] = 0 }, "augment.first_view.normalize.std[2]: 0"},
		{func(s *Spec) { s.Augment.SecondView = new(s.Augment.FirstView); s.Augment.SecondView.Flip = 2 }, "augment.second_view.flip_probability: 2"},
		{func(s *Spec) {
			s.Augment.SecondView = new(s.Augment.FirstView)
			s.Augment.SecondView.Normalize.Std[0] = 1
		}, "differs from augment.first_view.normalize"},
		{func(s *Spec) { s.Encoder.Weights = &Weights{SHA256: digest} }, `encoder.weights.source: "" is missing`},
		{func(s *Spec) { s.Encoder.Weights = &Weights{Source: "a.pt"} }, `encoder.weights.sha256: "" is no digest: must be that of`},
		{func(s *Spec) { s.Encoder.Weights = &Weights{"ftp://example.org/a.pt", digest} }, `encoder.weights.source: "ftp://example.org/a.pt" can't be fetched`},
		{func(s *Spec) { s.Encoder.Weights = &Weights{"https://me:secret@example.org/a.pt", digest} }, "encoder.weights.source: \"(hidden)\" holds credentials"},
		{func(s *Spec) { s.Finetune.Augment.Jitter.Hue = 1 }, "finetune.augment.color_jitter.hue: 1"},

		{func(s *Spec) { s.Pretrain.Epochs = -1 }, "pretrain.epochs: -1 is out of range: must be 0 to 2000 (0 evaluates the encoder as it starts)"},
		{func(s *Spec) { s.Pretrain.BatchSize = 1 }, "pretrain.batch_size: 1 is out of range: must be 2 to 4096 (a contrastive loss needs other images to contrast with)"},
		{func(s *Spec) { s.Pretrain.BatchSize = 4097 }, "pretrain.batch_size: 4097"},
		{func(s *Spec) { s.Dataset.TrainImages = 511 }, "pretrain.batch_size: 512 is more than the 511 training images: lower it or raise dataset.train_images"},
		{func(s *Spec) { s.Dataset.TrainImages, s.Linear.BatchSize = 600, 601 }, "linear.batch_size: 601 is more than"},
		{func(s *Spec) { s.Dataset.TrainImages, s.Finetune.BatchSize = 600, 601 }, "finetune.batch_size: 601 is more than"},
		{func(s *Spec) { s.Linear.Epochs = -1 }, "linear.epochs: -1 is out of range: must be 0 to 500 (0 leaves the protocol out)"},
		{func(s *Spec) { s.Linear.BatchSize = 0 }, "linear.batch_size: 0"},
		{func(s *Spec) { s.Finetune.Epochs = -1 }, "finetune.epochs: -1"},
		{func(s *Spec) { s.Finetune.BatchSize = 1 }, "finetune.batch_size: 1 is out of range: must be 2 to 4096"},

		{func(s *Spec) { s.Pretrain.Optimizer.Name = "adam" }, `pretrain.optimizer.name: "adam" is unknown: must be sgd or lars or adamw`},
		{func(s *Spec) { s.Pretrain.Optimizer.LearningRate = 0 }, "pretrain.optimizer.learning_rate: 0 is out of range: must be greater than 0 and at most 1000"},
		{func(s *Spec) { s.Linear.Optimizer.LearningRate = math.NaN() }, "linear.optimizer.learning_rate: NaN"},
		{func(s *Spec) { s.Finetune.Optimizer.WeightDecay = -1 }, "finetune.optimizer.weight_decay: -1"},
		{func(s *Spec) { s.Pretrain.Optimizer.Momentum = 1 }, "pretrain.optimizer.momentum: 1 is out of range: must be at least 0 and less than 1"},
		{func(s *Spec) { s.Finetune.Optimizer.Momentum = 0 }, "finetune.optimizer.nesterov: true needs momentum"},
		{func(s *Spec) { s.Pretrain.Optimizer.TrustCoefficient = 0 }, "pretrain.optimizer.trust_coefficient: 0"},
		{func(s *Spec) { s.Pretrain.Optimizer.BiasLearningRate = -1 }, "pretrain.optimizer.bias_learning_rate: -1"},
		{func(s *Spec) { s.Linear.Optimizer.Betas[0] = 1 }, "linear.optimizer.betas[0]: 1 is out of range: must be at least 0 and less than 1"},
		{func(s *Spec) { s.Linear.Optimizer.Betas[1] = -0.1 }, "linear.optimizer.betas[1]: -0.1"},
		{func(s *Spec) { s.Linear.Optimizer.Epsilon = 0 }, "linear.optimizer.epsilon: 0"},
		{func(s *Spec) { s.Pretrain.Schedule.Name = "step" }, `pretrain.schedule.name: "step" is unknown: must be cosine or constant`},
		{func(s *Spec) { s.Pretrain.Schedule.WarmupEpochs = 101 }, "pretrain.schedule.warmup_epochs: 101 is out of range: must be 0 to 100"},
		{func(s *Spec) { s.Linear.Schedule.FinalRate = 2 }, "linear.schedule.final_rate: 2"},

		{func(s *Spec) { s.KNN.K = 0 }, "knn.k: 0 is out of range: must be 1 to 1000"},
		{func(s *Spec) { s.KNN.TrainImages = 9 }, "knn.k: 10 is more than the 9 neighbours: lower it or raise knn.train_images"},
		{func(s *Spec) { s.Dataset, s.KNN.TrainImages = Dataset{Name: Synthetic, ValidationImages: 100}, 9 }, "knn.k: 10 is more than"},
		{func(s *Spec) { s.KNN.EveryEpochs = 0 }, "knn.every_epochs: 0"},
		{func(s *Spec) { s.KNN.TrainImages = -1 }, "knn.train_images: -1"},
		{func(s *Spec) { s.Ablation = &Ablation{} }, "ablation.label_fractions: [] must have 1 to 8 numbers"},
		{func(s *Spec) { *ablation(s) = []float64{0.1, 0.1} }, "ablation.label_fractions[1]: 0.1 stands there twice"},
		{func(s *Spec) { *ablation(s) = []float64{1.5} }, "ablation.label_fractions[0]: 1.5 is out of range"},
		{func(s *Spec) { *ablation(s) = []float64{0.0002} }, "ablation.label_fractions[0]: 0.0002 of 45000 training images is 9"},
		{func(s *Spec) { ablation(s); s.Ablation.Epochs = 101 }, "ablation.epochs: 101 is out of range: must be 1 to 100"},
		{func(s *Spec) { ablation(s); s.Ablation.StepsPerEpoch = 0 }, "ablation.steps_per_epoch: 0"},
		{func(s *Spec) { ablation(s); s.Ablation.BatchSize = 1 }, "ablation.batch_size: 1"},
		{func(s *Spec) { ablation(s); s.Ablation.Augment.Flip = 2 }, "ablation.augment.flip_probability: 2"},
		{func(s *Spec) { s.KNN.ValidationImages = -1 }, "knn.validation_images: -1"},
		{func(s *Spec) { s.Checkpoints.KeepLast = 0 }, "checkpoints.keep_last: 0 is out of range: must be 1 to 2000"},
		{func(s *Spec) { s.Checkpoints.EverySeconds = -1 }, "checkpoints.every_seconds: -1 is out of range: must be 0 to 86400"},
		{func(s *Spec) { s.Compute.Threads = -1 }, "compute.threads: -1"},
		{func(s *Spec) { s.Compute.Precision = "float16" }, "compute.precision"},
		{func(s *Spec) { s.Compute.Winograd = "3x3" }, "compute.winograd"},
		{func(s *Spec) { s.Compute.Kernels = "best" }, "compute.kernels"},
		{func(s *Spec) { s.Compute.EvaluationBatchSize = 0 }, "compute.evaluation_batch_size: 0"},
	} {
		s := Default()
		s.Name = "a"
		c.change(&s)
		require.ErrorContains(t, s.Validate(), c.want)
		require.NotContains(t, s.Validate().Error(), "secret")
	}
}

func TestValidateTakesWhatIsAllowed(t *testing.T) {
	for _, change := range []func(*Spec){
		func(s *Spec) { s.Name = "0_a-" },
		func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "https://host/a", strings.Repeat("0a", 32) },
		func(s *Spec) {
			s.Dataset.Source, s.Dataset.SHA256 = "https://host/a?version=2&design=x&keyboard=y", strings.Repeat("0a", 32)
		},
		func(s *Spec) { s.Dataset.Source, s.Dataset.SHA256 = "../a b", strings.Repeat("0a", 32) },
		func(s *Spec) { s.Dataset.TrainImages = 45000 },
		func(s *Spec) { s.Method.Name, s.Method.Temperature = BarlowTwins, 0 },
		func(s *Spec) { s.Method.Lambda = -1 },
		func(s *Spec) { s.Pretrain.Optimizer = Optimizer{Name: SGD, LearningRate: 1} },
		func(s *Spec) { s.Pretrain.Schedule.WarmupEpochs = 0.5 },
		func(s *Spec) { s.Augment.FirstView.Jitter.Hue = 0.5 },
		func(s *Spec) { s.Dataset.Name = Synthetic },
		func(s *Spec) { s.Linear.Epochs, s.Linear.Schedule.WarmupEpochs, s.Dataset.TrainImages = 0, 5, 512 },
		func(s *Spec) { s.Finetune.Epochs, s.Finetune.Schedule.WarmupEpochs = 0, 5 },
	} {
		s := Default()
		s.Name = "a"
		change(&s)
		require.NoError(t, s.Validate())
	}
}

func TestValidateNamesEverythingThatIsWrong(t *testing.T) {
	s := Default()
	s.Pretrain.BatchSize = 0
	s.Method.Temperature = 0
	err := s.Validate()
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

// ablation gives s the default ablation and returns its fractions.
func ablation(s *Spec) *[]float64 {
	s.Ablation = new(defaultAblation(s.Dataset))
	return &s.Ablation.LabelFractions
}
