// Package experiment holds the vocabulary of Twinview: the spec of an experiment with every hyperparameter, its default
// and its allowed range, and the plain types that cross the Temporal boundary. It imports nothing else of the module, so
// every other package can speak in its terms.
package experiment

// Spec describes one experiment completely: the same spec on the same data gives the same model. It is what a user
// writes as YAML; Parse fills in defaults and Validate says which field is out of range.
type Spec struct {
	// Name identifies the experiment: it is the workflow's ID and the folder of its artifacts.
	Name string `yaml:"name" json:"name"`
	// Seed is the root of every random draw.
	Seed uint64 `yaml:"seed" json:"seed"`

	Dataset     Dataset     `yaml:"dataset" json:"dataset"`
	Encoder     Encoder     `yaml:"encoder" json:"encoder"`
	Method      Method      `yaml:"method" json:"method"`
	Augment     Augment     `yaml:"augment" json:"augment"`
	Pretrain    Pretrain    `yaml:"pretrain" json:"pretrain"`
	KNN         KNN         `yaml:"knn" json:"knn"`
	Linear      Linear      `yaml:"linear" json:"linear"`
	Finetune    Finetune    `yaml:"finetune" json:"finetune"`
	Checkpoints Checkpoints `yaml:"checkpoints" json:"checkpoints"`
	Compute     Compute     `yaml:"compute" json:"compute"`

	// What follows is left out where it is nil.

	LinearAugmented *LinearAugmented `yaml:"linear_augmented,omitempty" json:"linear_augmented,omitempty"`
	Ablation        *Ablation        `yaml:"ablation,omitempty" json:"ablation,omitempty"`
}

// Names of encoders: He et al. 2015, with the CIFAR stem of Chen et al. 2020 (appendix B.9).
const (
	ResNet18 = "resnet18"
	ResNet34 = "resnet34"
)

// Encoder is the network whose representation is learned.
type Encoder struct {
	// Architecture is the network's, with the stem for small images.
	Architecture string `yaml:"architecture" json:"architecture"`
	// Width is the number of channels of the first stage (64 in the paper); the representation has 8 times as many.
	Width int `yaml:"width" json:"width"`
	// Weights are those that pretraining starts from; nil, they are drawn from the seed.
	Weights *Weights `yaml:"weights,omitempty" json:"weights,omitempty"`
}

// Weights name a file with an encoder under torchvision's names: a PyTorch state dict (.pt, also inside a training
// checkpoint) or safetensors. Where it has the projection head too, as "projector.*", that is taken as well.
type Weights struct {
	// Source is a path or an http(s) URL.
	Source string `yaml:"source" json:"source"`
	// SHA256 is the file's expected digest.
	SHA256 string `yaml:"sha256" json:"sha256"`
}

// Names of methods.
const (
	SimCLR      = "simclr"
	BarlowTwins = "barlow_twins"
)

// Method is the pretraining loss and the projection head in front of it.
type Method struct {
	// Name is "simclr" (Chen et al. 2020) or "barlow_twins" (Zbontar et al. 2021). It brings the defaults of its method for all
	// that a spec doesn't say.
	Name string `yaml:"name" json:"name"`
	// Temperature is τ of NT-Xent (Chen et al. 2020, eq. 1). SimCLR only.
	Temperature float64 `yaml:"temperature" json:"temperature"`
	// Lambda weighs the off-diagonal terms (Zbontar et al. 2021, eq. 1). Barlow Twins only.
	Lambda float64 `yaml:"lambda" json:"lambda"`
	// Projector is the head that the loss is computed behind. Evaluation goes without.
	Projector Projector `yaml:"projector" json:"projector"`
	// Parameters are those of a loss beside SimCLR's and Barlow Twins', by name.
	Parameters map[string]float64 `yaml:"parameters,omitempty" json:"parameters,omitempty"`
}

// Projector is the projection head: Layers linear layers, with batch norm and ReLU behind each but the last.
type Projector struct {
	// Layers is the number of linear layers.
	Layers int `yaml:"layers" json:"layers"`
	// Hidden is the width of each but the last.
	Hidden int `yaml:"hidden" json:"hidden"`
	// Output is the width of the last, in which the loss compares views.
	Output int `yaml:"output" json:"output"`
}

// Augment describes how the views of an image are drawn.
type Augment struct {
	// Views is the number of views of an image, 0 stands for 2. More, with several positives for each anchor, need SimCLR.
	// The first, third and so on are drawn from FirstView, the others from SecondView.
	Views int `yaml:"views,omitempty" json:"views,omitempty"`
	// Size is the height and width of a view in pixels.
	Size int `yaml:"size" json:"size"`
	// FirstView is the distribution of the first view.
	FirstView View `yaml:"first_view" json:"first_view"`
	// SecondView is that of the second. Nil, it equals FirstView (the draws stay independent). In YAML, null says so;
	// a file without the key gets the method's own, which only Barlow Twins has.
	SecondView *View `yaml:"second_view" json:"second_view,omitempty"`
}

// ViewsPerImage is Views with its default.
func (a Augment) ViewsPerImage() int {
	if a.Views == 0 {
		return 2
	}
	return a.Views
}

// View is a distribution of image transforms, applied in the order of the fields, each as torchvision defines it.
type View struct {
	Crop Crop `yaml:"crop" json:"crop"`
	// Flip is the probability of a horizontal flip.
	Flip   float64     `yaml:"flip_probability" json:"flip_probability"`
	Jitter ColorJitter `yaml:"color_jitter" json:"color_jitter"`
	// Grayscale is the probability of a view without colour.
	Grayscale float64   `yaml:"grayscale_probability" json:"grayscale_probability"`
	Blur      Blur      `yaml:"gaussian_blur" json:"gaussian_blur"`
	Solarize  Solarize  `yaml:"solarize" json:"solarize"`
	Normalize Normalize `yaml:"normalize" json:"normalize"`
}

// Crop is RandomResizedCrop: an area fraction in Scale and an aspect ratio in Ratio, resized to Augment.Size.
type Crop struct {
	// Scale bounds the part of the image's area that is cut out.
	Scale [2]float64 `yaml:"scale,flow" json:"scale"`
	// Ratio bounds its width divided by its height.
	Ratio [2]float64 `yaml:"ratio,flow" json:"ratio"`
}

// ColorJitter changes brightness, contrast, saturation and hue in random order, with the given probability. A factor f
// is drawn from [max(0, 1−f), 1+f]; hue from [−Hue, Hue], in turns, at most 0.5.
type ColorJitter struct {
	// Probability is that of any change at all.
	Probability float64 `yaml:"probability" json:"probability"`
	// Brightness is the largest change of the factor for brightness.
	Brightness float64 `yaml:"brightness" json:"brightness"`
	// Contrast is that for contrast.
	Contrast float64 `yaml:"contrast" json:"contrast"`
	// Saturation is that for saturation.
	Saturation float64 `yaml:"saturation" json:"saturation"`
	// Hue is the largest rotation of the hue, in turns.
	Hue float64 `yaml:"hue" json:"hue"`
}

// Blur is GaussianBlur with an odd kernel size in pixels and σ drawn from Sigma.
type Blur struct {
	// Probability is that of a blur; 0 leaves it out.
	Probability float64 `yaml:"probability" json:"probability"`
	// Kernel is the size of the kernel in pixels.
	Kernel int `yaml:"kernel" json:"kernel"`
	// Sigma bounds σ, in pixels.
	Sigma [2]float64 `yaml:"sigma,flow" json:"sigma"`
}

// Solarize inverts every channel value at or above Threshold, in [0, 1].
type Solarize struct {
	// Probability is that of the inversion; 0 leaves it out.
	Probability float64 `yaml:"probability" json:"probability"`
	// Threshold is the channel value from which on it inverts.
	Threshold float64 `yaml:"threshold" json:"threshold"`
}

// Normalize subtracts Mean and divides by Std, channel by channel, on values in [0, 1]. All zeros stand for the statistics of
// the training split, which are measured when the data is prepared.
type Normalize struct {
	// Mean has a number for red, green and blue.
	Mean [3]float64 `yaml:"mean,flow" json:"mean"`
	// Std has a standard deviation for red, green and blue.
	Std [3]float64 `yaml:"std,flow" json:"std"`
}

// Names of optimisers.
const (
	SGD   = "sgd"
	LARS  = "lars"
	AdamW = "adamw"
)

// Optimizer is one optimiser with all its constants; LearningRate is literal, nothing scales it by the batch size.
type Optimizer struct {
	// Name is "sgd", "lars" (You et al. 2017) or "adamw" (Loshchilov and Hutter 2019).
	Name string `yaml:"name" json:"name"`
	// LearningRate is the highest that the schedule reaches.
	LearningRate float64 `yaml:"learning_rate" json:"learning_rate"`
	// WeightDecay is a part of the gradient in SGD and LARS, and apart from it in AdamW.
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay"`
	// DecayNorms applies weight decay (and LARS's trust ratio) to biases and batch-norm parameters too.
	DecayNorms bool `yaml:"decay_norms" json:"decay_norms"`
	// Momentum is that of SGD and LARS.
	Momentum float64 `yaml:"momentum" json:"momentum"`
	// Nesterov looks ahead by the momentum, in SGD and LARS.
	Nesterov bool `yaml:"nesterov" json:"nesterov"`
	// TrustCoefficient is η of LARS (You et al. 2017).
	TrustCoefficient float64 `yaml:"trust_coefficient" json:"trust_coefficient"`
	// BiasLearningRate is the learning rate under LARS of biases and batch-norm parameters, which have no trust ratio, on the
	// schedule of all others (Zbontar et al. 2021, section 2.2). 0 stands for LearningRate. With DecayNorms it has no effect.
	BiasLearningRate float64 `yaml:"bias_learning_rate,omitempty" json:"bias_learning_rate,omitempty"`
	// Betas are β₁ and β₂ of AdamW.
	Betas [2]float64 `yaml:"betas,flow" json:"betas"`
	// Epsilon is ε of AdamW.
	Epsilon float64 `yaml:"epsilon" json:"epsilon"`
}

// ExcludedRate is BiasLearningRate as a part of LearningRate: 1 where it is not set.
func (o Optimizer) ExcludedRate() float64 {
	if o.BiasLearningRate == 0 {
		return 1
	}
	return o.BiasLearningRate / o.LearningRate
}

// Names of learning-rate schedules.
const (
	Cosine   = "cosine"
	Constant = "constant"
)

// Schedule moves the learning rate, once a step: linear warm-up from 0 over WarmupEpochs, then constant or half a cosine
// down to FinalRate times the learning rate.
type Schedule struct {
	// Name is "cosine" or "constant".
	Name string `yaml:"name" json:"name"`
	// WarmupEpochs is how long the rate rises, in epochs, also in parts of one.
	WarmupEpochs float64 `yaml:"warmup_epochs" json:"warmup_epochs"`
	// FinalRate is where a cosine ends, as a part of the learning rate.
	FinalRate float64 `yaml:"final_rate" json:"final_rate"`
}

// Pretrain is contrastive pretraining. A batch of BatchSize images makes Augment.Views times as many views; the last,
// incomplete batch of an epoch is dropped.
type Pretrain struct {
	// Epochs is how often every image is seen. Where it is 0, the encoder is evaluated as it starts, from the seed or from
	// Encoder.Weights.
	Epochs int `yaml:"epochs" json:"epochs"`
	// BatchSize is the number of images in a step.
	BatchSize int       `yaml:"batch_size" json:"batch_size"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Schedule  Schedule  `yaml:"schedule" json:"schedule"`
	// ProgressiveResizing is what the first epochs have for views, one phase after the other; any left are at Augment.Size.
	ProgressiveResizing []ResizingPhase `yaml:"progressive_resizing,omitempty" json:"progressive_resizing,omitempty"`
	// Divergence lets pretraining go back once where it diverges; nil, it fails.
	Divergence *Divergence `yaml:"divergence,omitempty" json:"divergence,omitempty"`
	// EarlierPlans are the numbers of epochs before Epochs was changed, in order, for the first epochs to be repeated as they
	// were trained.
	EarlierPlans []PretrainPlan `yaml:"earlier_plans,omitempty" json:"earlier_plans,omitempty"`
}

// KNN is the k-nearest-neighbour classifier on encoder outputs, by cosine similarity. On the validation split it monitors
// pretraining and selects the best epoch; on the test split it is reported once.
type KNN struct {
	// K is the number of neighbours.
	K int `yaml:"k" json:"k"`
	// EveryEpochs is how often pretraining is monitored; the last epoch always is.
	EveryEpochs int `yaml:"every_epochs" json:"every_epochs"`
	// TrainImages limits the monitor's neighbours, 0 takes all of the split.
	TrainImages int `yaml:"train_images" json:"train_images"`
	// ValidationImages limits the monitor's queries, 0 takes all of the split.
	ValidationImages int `yaml:"validation_images" json:"validation_images"`
}

// Linear is linear evaluation: a softmax classifier on precomputed outputs of the frozen encoder, without augmentation.
type Linear struct {
	// Epochs is how often the classifier sees every image; 0 leaves linear evaluation out.
	Epochs int `yaml:"epochs" json:"epochs"`
	// BatchSize is the number of images in a step.
	BatchSize int       `yaml:"batch_size" json:"batch_size"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Schedule  Schedule  `yaml:"schedule" json:"schedule"`
}

// LinearAugmented is linear evaluation on augmented images: the frozen encoder sees each image anew in each epoch, cropped
// and flipped at random, as Chen et al. 2020, appendix B.6, evaluate. It takes a pass of the encoder over the training
// split for every epoch. A spec without the section leaves it out; one with an empty section gets the defaults.
type LinearAugmented struct {
	// Epochs is how often the classifier sees every image.
	Epochs int `yaml:"epochs" json:"epochs"`
	// BatchSize is the number of images in a step.
	BatchSize int       `yaml:"batch_size" json:"batch_size"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Schedule  Schedule  `yaml:"schedule" json:"schedule"`
	// Augment is the distribution of training images, normalised as augment.first_view.
	Augment View `yaml:"augment" json:"augment"`
}

// Finetune trains the encoder and a new linear classifier together, on labelled images.
type Finetune struct {
	// Epochs is how often every image is seen; 0 leaves fine-tuning out.
	Epochs int `yaml:"epochs" json:"epochs"`
	// BatchSize is the number of images in a step.
	BatchSize int       `yaml:"batch_size" json:"batch_size"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Schedule  Schedule  `yaml:"schedule" json:"schedule"`
	// Augment is the distribution of training images.
	Augment View `yaml:"augment" json:"augment"`
	// ProgressiveResizing is as in pretraining.
	ProgressiveResizing []ResizingPhase `yaml:"progressive_resizing,omitempty" json:"progressive_resizing,omitempty"`
}

// Ablation measures what pretraining is worth: the network is fine-tuned with the labels of a small part of the training
// images, from the selected encoder and from scratch, in the same way and on the same draws. A spec without the section
// leaves it out; one with an empty section gets the defaults.
type Ablation struct {
	// LabelFractions are the parts of the training split whose labels are used. The images are the first of the split, which
	// is class-balanced and drawn by seed, so that a greater fraction contains the smaller ones.
	LabelFractions []float64 `yaml:"label_fractions,flow" json:"label_fractions"`
	// Epochs is the number of looks at the validation split of each arm.
	Epochs int `yaml:"epochs" json:"epochs"`
	// StepsPerEpoch is the number of optimiser steps between two looks at the validation split, whatever the fraction:
	// every arm does the same work, in passes over its images without end.
	StepsPerEpoch int `yaml:"steps_per_epoch" json:"steps_per_epoch"`
	// BatchSize is the number of images in a step.
	BatchSize int       `yaml:"batch_size" json:"batch_size"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Schedule  Schedule  `yaml:"schedule" json:"schedule"`
	// Augment is the distribution of training images.
	Augment View `yaml:"augment" json:"augment"`
}

// Checkpoints says which training checkpoints stay in the object store.
type Checkpoints struct {
	// KeepLast is the number of newest pretraining checkpoints kept beside the best one.
	KeepLast int `yaml:"keep_last" json:"keep_last"`
	// EverySeconds is the time between two checkpoints inside an epoch, from which another worker goes on where one was
	// killed. They are removed at the epoch's end. 0 takes none, as a spec does that was made before there were any.
	EverySeconds float64 `yaml:"every_seconds" json:"every_seconds,omitempty"`
}

// Names of precisions, of what Winograd's algorithm may do and of how kernels are chosen, as YAML has them.
const (
	Auto     = "auto"
	Float32  = "float32"
	BFloat16 = "bfloat16"
	TF32     = "tf32"

	None        = "none"
	Winograd2x2 = "2x2"
	Winograd4x4 = "4x4"

	Fixed    = "fixed"
	Measured = "measured"
)

// Compute is how the work is done; it does not change what is computed beyond rounding. Where a choice is empty, the spec was
// made before there was one: float32, none and fixed are what was computed then.
type Compute struct {
	// Precision is the element type of activations and their gradients: "float32", "bfloat16", or "auto" for bfloat16 where the
	// worker's CPU or GPU has instructions for it. "tf32" is float32 whose products a GPU may take in TF32, with factors rounded to
	// 10 bits behind the point. Weights, batch statistics, losses and the optimiser's buffers are float32
	// always. Training goes on in the precision in which it began.
	Precision string `yaml:"precision" json:"precision"`
	// Winograd says by which tiles convolutions may be computed with Winograd's algorithm F(m×m, 3×3), which takes fewer
	// products and rounds more: "none", "2x2", "4x4", or "auto" for what has shown no loss in accuracy.
	Winograd string `yaml:"winograd" json:"winograd"`
	// Kernels says how the algorithm of a convolution is chosen among those allowed: "fixed", by its shape alone, or
	// "measured", the fastest on the worker that begins the training.
	Kernels string `yaml:"kernels" json:"kernels"`
	// Threads is the number of CPU threads, 0 takes every core of the worker.
	Threads int `yaml:"threads" json:"threads"`
	// EvaluationBatchSize is the batch of forward passes without gradients.
	EvaluationBatchSize int `yaml:"evaluation_batch_size" json:"evaluation_batch_size"`
}
