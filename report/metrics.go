package report

import (
	"encoding/json"
	"fmt"
	"slices"

	"twinview/experiment"
)

// MetricsSchema is the version of the layout of metrics.json. Fields may be added under the same version; none changes its
// meaning.
const MetricsSchema = 1

// MetricsFile is the content of metrics.json. Accuracies are fractions, losses are in nats (Barlow Twins' pretraining loss
// has no unit), lists have one number per epoch, from epoch 1 on. Everything but Throughput is the same whenever the same
// spec is run on the same data and the same kind of machine.
type MetricsFile struct {
	Schema     int             `json:"schema"`
	Experiment string          `json:"experiment"`
	Method     string          `json:"method"`
	Seed       uint64          `json:"seed"`
	SpecSHA256 string          `json:"spec_sha256"`
	Dataset    DatasetMetrics  `json:"dataset"`
	Pretrain   PretrainMetrics `json:"pretrain"`
	// KNN is absent where no image has a label.
	KNN *KNNMetrics `json:"knn,omitempty"`
	// Linear (on precomputed features), LinearAugmented, Finetune and Ablation are absent where the experiment leaves the protocol out.
	Linear          *ClassifierMetrics `json:"linear,omitempty"`
	LinearAugmented *ClassifierMetrics `json:"linear_augmented,omitempty"`
	Finetune        *ClassifierMetrics `json:"finetune,omitempty"`
	Ablation        *AblationMetrics   `json:"ablation,omitempty"`
	Throughput      ThroughputMetrics  `json:"throughput"`
	// Changes are what people changed while the experiment ran, in order.
	Changes []experiment.Change `json:"changes,omitempty"`
	// RollBacks tell of each time that training went back because an artifact was lost, in order.
	RollBacks []experiment.RollBack `json:"roll_backs,omitempty"`
	// Usage lists the stages that computed, in order, with what they took.
	Usage []UsageMetrics `json:"usage"`
	// Artifacts are the objects in the store, by what they are.
	Artifacts map[string]experiment.Artifact `json:"artifacts"`
}

// DatasetMetrics says what was trained and tested on.
type DatasetMetrics struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	// Archive is the object that holds the images, absent where code draws them.
	Archive *experiment.Artifact `json:"archive,omitempty"`
	// Classes are the label names, in label order.
	Classes          []string `json:"classes"`
	TrainImages      int      `json:"train_images"`
	ValidationImages int      `json:"validation_images"`
	TestImages       int      `json:"test_images"`
}

// PretrainMetrics are the curves of pretraining.
type PretrainMetrics struct {
	Epochs int `json:"epochs"`
	Steps  int `json:"steps"`
	// PlannedEpochs is the number of epochs that pretraining was to have when each epoch was trained, over which the schedule
	// of its learning rate goes; 0 in an epoch of a version that did not tell.
	PlannedEpochs []int `json:"planned_epochs"`
	// ViewSize is the height and width of views in pixels, 0 in an epoch of a version that did not tell.
	ViewSize []int `json:"view_size"`
	// Loss is the mean over the epoch's steps, LearningRate that of its last step.
	Loss         []float64 `json:"loss"`
	LearningRate []float64 `json:"learning_rate"`
	KNN          KNNCurve  `json:"knn"`
	// Selected is the epoch that is evaluated.
	Selected SelectionMetrics `json:"selected"`
	// Retry tells of a divergence: the epoch that diverged, its step and loss, and what learning rates were multiplied by from
	// that epoch on, which was trained again. It is absent where there was none.
	Retry *experiment.Retry `json:"retry,omitempty"`
}

// KNNCurve is the monitor of pretraining: the epochs in which it ran, and the accuracy on the validation split in each.
type KNNCurve struct {
	Epoch              []int     `json:"epoch"`
	ValidationAccuracy []float64 `json:"validation_accuracy"`
}

// SelectionMetrics is the choice of an epoch by what was compared.
type SelectionMetrics struct {
	Epoch     int     `json:"epoch"`
	Criterion string  `json:"criterion"`
	Value     float64 `json:"value"`
}

// KNNMetrics is the nearest-neighbour classifier on the selected encoder.
type KNNMetrics struct {
	// Name is the protocol's, Protocol says what it is.
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	K        int    `json:"k"`
	// Similarity is by what neighbours are near, Vote how they decide: "majority" counts each of the k once, without a
	// temperature.
	Similarity string `json:"similarity"`
	Vote       string `json:"vote"`
	// Neighbours and ValidationNeighbours count the training images that were searched, for the test and for the monitor
	// on the ValidationImages, whose accuracy selected the epoch.
	Neighbours           int              `json:"neighbours"`
	ValidationNeighbours int              `json:"validation_neighbours"`
	ValidationImages     int              `json:"validation_images"`
	Selected             SelectionMetrics `json:"selected"`
	// TrainAccuracy is that of training images, each classified by the others.
	TrainAccuracy      float64 `json:"train_accuracy"`
	ValidationAccuracy float64 `json:"validation_accuracy"`
	TestAccuracy       float64 `json:"test_accuracy"`
	// TestInterval is the 95 % Wilson interval of TestAccuracy.
	TestInterval Interval `json:"test_interval"`
	TestImages   int      `json:"test_images"`
}

// ClassifierMetrics is linear evaluation, without or with augmentation, or fine-tuning. Single numbers belong to the selected epoch. Those on the training
// split are running means over the epoch's steps.
type ClassifierMetrics struct {
	// Name is the protocol's, Protocol says what it is, Selected by what the epoch was chosen.
	Name               string           `json:"name"`
	Protocol           string           `json:"protocol"`
	Selected           SelectionMetrics `json:"selected"`
	TrainLoss          float64          `json:"train_loss"`
	TrainAccuracy      float64          `json:"train_accuracy"`
	ValidationLoss     float64          `json:"validation_loss"`
	ValidationAccuracy float64          `json:"validation_accuracy"`
	TestLoss           float64          `json:"test_loss"`
	TestAccuracy       float64          `json:"test_accuracy"`
	// TestInterval is the 95 % Wilson interval of TestAccuracy.
	TestInterval Interval `json:"test_interval"`
	TestImages   int      `json:"test_images"`
	// TestConfusion counts the test images by true class (rows) and predicted class (columns), in label order.
	TestConfusion [][]int          `json:"test_confusion,omitempty"`
	Curves        ClassifierCurves `json:"curves"`
}

// ClassifierCurves are the figures of every epoch. Those on the test split were read after all choices had been made; null
// is an epoch that was not tested.
type ClassifierCurves struct {
	// ViewSize is the height and width of training views in pixels; linear evaluation has none.
	ViewSize           []int      `json:"view_size,omitempty"`
	TrainLoss          []float64  `json:"train_loss"`
	TrainAccuracy      []float64  `json:"train_accuracy"`
	ValidationLoss     []float64  `json:"validation_loss"`
	ValidationAccuracy []float64  `json:"validation_accuracy"`
	TestLoss           []*float64 `json:"test_loss"`
	TestAccuracy       []*float64 `json:"test_accuracy"`
}

// AblationMetrics say what pretraining is worth with few labels.
type AblationMetrics struct {
	// Name is the protocol's, Protocol says what it is.
	Name     string       `json:"name"`
	Protocol string       `json:"protocol"`
	Arms     []ArmMetrics `json:"arms"`
}

// ArmMetrics is one training of the ablation. Single accuracies and losses belong to the selected epoch.
type ArmMetrics struct {
	// Start is "pretrained" or "scratch".
	Start         string  `json:"start"`
	LabelFraction float64 `json:"label_fraction"`
	// Labels is the number of labelled images.
	Labels             int              `json:"labels"`
	Selected           SelectionMetrics `json:"selected"`
	ValidationAccuracy float64          `json:"validation_accuracy"`
	TestLoss           float64          `json:"test_loss"`
	TestAccuracy       float64          `json:"test_accuracy"`
	// TestInterval is the 95 % Wilson interval of TestAccuracy.
	TestInterval Interval `json:"test_interval"`
	TestImages   int      `json:"test_images"`
	// Curves has null for the test of every epoch: only the selected one is tested.
	Curves ClassifierCurves `json:"curves"`
}

// ThroughputMetrics are times in seconds. Those of pretraining are of its steps alone, without loading and storing
// checkpoints.
type ThroughputMetrics struct {
	PretrainSeconds        []float64 `json:"pretrain_seconds"`
	PretrainViewsPerSecond []float64 `json:"pretrain_views_per_second"`
	// PretrainDataWaitSeconds is the part of PretrainSeconds in which a step waited for its batch.
	PretrainDataWaitSeconds []float64 `json:"pretrain_data_wait_seconds"`
	// PretrainKNNSeconds is the time of the kNN monitor, on top of PretrainSeconds; 0 in an epoch that was not monitored.
	// KNNShare is the monitor's part of both together. Results of older versions have neither.
	PretrainKNNSeconds []float64 `json:"pretrain_knn_seconds,omitempty"`
	KNNShare           float64   `json:"knn_share,omitempty"`
	// ViewsPerSecond is the rate over all of pretraining.
	ViewsPerSecond float64 `json:"views_per_second"`
	// Kernels sums up what computed the last epoch: the precision, and how many convolutions which algorithm.
	Kernels                string    `json:"kernels"`
	LinearSeconds          []float64 `json:"linear_seconds,omitempty"`
	LinearAugmentedSeconds []float64 `json:"linear_augmented_seconds,omitempty"`
	FinetuneSeconds        []float64 `json:"finetune_seconds,omitempty"`
	// AblationSeconds has one number an arm.
	AblationSeconds []float64 `json:"ablation_seconds,omitempty"`
}

// UsageMetrics is what the activities of a stage took, null where that is not known or could not be read.
type UsageMetrics struct {
	Stage   string   `json:"stage"`
	Seconds *float64 `json:"seconds"`
	Joules  *float64 `json:"joules"`
	// EnergyOf names what took them, as experiment.Usage has it.
	EnergyOf []string `json:"energy_of,omitempty"`
	// Hardware lists the machines, each once.
	Hardware []string `json:"hardware"`
}

// Metrics writes metrics.json, a MetricsFile. The error names a field that is missing, NaN or infinite.
func Metrics(spec experiment.Spec, r experiment.Result) ([]byte, error) {
	if err := check(&spec, &r); err != nil {
		return nil, fmt.Errorf("write metrics: %w", err)
	}
	e := evaluations(&spec, &r)
	m := MetricsFile{
		Schema: MetricsSchema, Experiment: r.Experiment, Method: spec.Method.Name, Seed: spec.Seed,
		SpecSHA256: spec.Digest(),
		Dataset: DatasetMetrics{
			Name: r.Data.Name, SHA256: r.Data.SHA256, Archive: archiveOf(r.Data), Classes: r.Data.Classes,
			TrainImages: r.Data.Train, ValidationImages: r.Data.Validation, TestImages: r.Data.Test,
		},
		Pretrain:        pretrainMetrics(&r),
		KNN:             knnMetrics(&spec, &r, e),
		Linear:          classifierMetrics(e, protocolLinear),
		LinearAugmented: classifierMetrics(e, protocolLinearAugmented),
		Finetune:        classifierMetrics(e, protocolFinetune),
		Ablation:        ablationMetrics(&spec, &r),
		Throughput:      throughputMetrics(&r),
		Changes:         r.Changes,
		RollBacks:       r.RollBacks,
		Usage:           usageMetrics(&spec, &r),
		Artifacts:       map[string]experiment.Artifact{},
	}
	for _, a := range artifacts(&r) {
		m.Artifacts[a.name] = a.Artifact
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write metrics: %w", err)
	}
	return append(data, '\n'), nil
}

func pretrainMetrics(r *experiment.Result) PretrainMetrics {
	m := PretrainMetrics{
		Epochs: len(trained(r)), Steps: r.Pretrain[len(r.Pretrain)-1].Step, Selected: selectionMetrics(r.Best),
		Retry: experiment.Retried(r.Pretrain), PlannedEpochs: []int{},
		Loss: []float64{}, LearningRate: []float64{}, KNN: KNNCurve{Epoch: []int{}, ValidationAccuracy: []float64{}},
	}
	for _, e := range trained(r) {
		m.ViewSize = append(m.ViewSize, e.Size)
		m.PlannedEpochs = append(m.PlannedEpochs, e.Planned)
		m.Loss = append(m.Loss, e.Loss)
		m.LearningRate = append(m.LearningRate, e.LearningRate)
	}
	for _, e := range r.Pretrain {
		if e.KNN != nil {
			m.KNN.Epoch = append(m.KNN.Epoch, e.Epoch)
			m.KNN.ValidationAccuracy = append(m.KNN.ValidationAccuracy, *e.KNN)
		}
	}
	return m
}

func selectionMetrics(s experiment.Selection) SelectionMetrics {
	return SelectionMetrics{Epoch: s.Epoch, Criterion: s.Criterion, Value: s.Value}
}

func knnMetrics(spec *experiment.Spec, r *experiment.Result, all []evaluation) *KNNMetrics {
	if len(all) == 0 {
		return nil
	}
	e := all[0]
	return &KNNMetrics{
		Name: e.title, Protocol: e.protocol, K: spec.KNN.K, Similarity: "cosine", Vote: "majority",
		Neighbours: r.Data.Train, ValidationNeighbours: monitored(spec.KNN.TrainImages, r.Data.Train),
		ValidationImages: e.validationImages, Selected: selectionMetrics(e.choice),
		TrainAccuracy: *e.trainAccuracy, ValidationAccuracy: *e.validationAccuracy, TestAccuracy: *e.testAccuracy,
		TestInterval: Wilson(*e.testAccuracy, e.testImages), TestImages: e.testImages,
	}
}

// classifierMetrics is nil where the protocol of that name is not among all.
func classifierMetrics(all []evaluation, protocol string) *ClassifierMetrics {
	i := slices.IndexFunc(all, func(e evaluation) bool { return e.key == protocol })
	if i < 0 {
		return nil
	}
	e := all[i]
	m := &ClassifierMetrics{
		Name: e.title, Protocol: e.protocol, Selected: selectionMetrics(e.choice),
		TrainLoss: *e.trainLoss, TrainAccuracy: *e.trainAccuracy,
		ValidationLoss: *e.validationLoss, ValidationAccuracy: *e.validationAccuracy,
		TestLoss: *e.testLoss, TestAccuracy: *e.testAccuracy,
		TestInterval: Wilson(*e.testAccuracy, e.testImages), TestImages: e.testImages,
		TestConfusion: e.confusion, Curves: curves(e.epochs),
	}
	return m
}

func curves(epochs []experiment.ClassifierEpoch) ClassifierCurves {
	var c ClassifierCurves
	for _, e := range epochs {
		if e.Size > 0 {
			c.ViewSize = append(c.ViewSize, e.Size)
		}
		c.TrainLoss = append(c.TrainLoss, e.TrainLoss)
		c.TrainAccuracy = append(c.TrainAccuracy, e.TrainAccuracy)
		c.ValidationLoss = append(c.ValidationLoss, e.ValidationLoss)
		c.ValidationAccuracy = append(c.ValidationAccuracy, e.ValidationAccuracy)
		c.TestLoss = append(c.TestLoss, e.TestLoss)
		c.TestAccuracy = append(c.TestAccuracy, e.TestAccuracy)
	}
	return c
}

func usageMetrics(spec *experiment.Spec, r *experiment.Result) []UsageMetrics {
	var all []UsageMetrics
	for _, s := range stages(spec, r) {
		m := UsageMetrics{Stage: s.name, Hardware: s.machines([]string{})}
		if seconds, ok := s.seconds(); ok {
			m.Seconds = &seconds
		}
		if joules, ok := s.joules(); ok {
			m.Joules, m.EnergyOf = &joules, s.usages[0].EnergyOf
		}
		all = append(all, m)
	}
	return all
}

func throughputMetrics(r *experiment.Result) ThroughputMetrics {
	var m ThroughputMetrics
	var views, seconds, monitor float64
	for _, e := range r.Pretrain {
		m.PretrainSeconds = append(m.PretrainSeconds, e.Seconds)
		m.PretrainViewsPerSecond = append(m.PretrainViewsPerSecond, e.ViewsPerSecond)
		m.PretrainDataWaitSeconds = append(m.PretrainDataWaitSeconds, e.DataWaitSeconds)
		views += e.Seconds * e.ViewsPerSecond
		seconds += e.Seconds
		monitor += e.KNNSeconds
		m.PretrainKNNSeconds = append(m.PretrainKNNSeconds, e.KNNSeconds)
		m.Kernels = e.Kernels
	}
	if seconds > 0 {
		m.ViewsPerSecond = views / seconds
		m.KNNShare = monitor / (seconds + monitor)
	}
	if monitor == 0 {
		m.PretrainKNNSeconds = nil
	}
	for _, e := range r.Linear.Epochs {
		m.LinearSeconds = append(m.LinearSeconds, e.Seconds)
	}
	if r.LinearAugmented != nil {
		for _, e := range r.LinearAugmented.Epochs {
			m.LinearAugmentedSeconds = append(m.LinearAugmentedSeconds, e.Seconds)
		}
	}
	for _, e := range r.Finetune.Epochs {
		m.FinetuneSeconds = append(m.FinetuneSeconds, e.Seconds)
	}
	for _, arm := range r.Ablation {
		var seconds float64
		for _, e := range arm.Epochs {
			seconds += e.Seconds
		}
		m.AblationSeconds = append(m.AblationSeconds, seconds)
	}
	return m
}

// archiveOf is nil where code draws the images.
func archiveOf(d experiment.PreparedData) *experiment.Artifact {
	if d.Archive.Key == "" {
		return nil
	}
	return &d.Archive
}
