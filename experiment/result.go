package experiment

import (
	"errors"
	"slices"
)

// Artifact is one immutable object in the store.
type Artifact struct {
	// Key is the object's key inside the bucket.
	Key string `json:"key"`
	// SHA256 is the digest of its bytes, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Size is its length in bytes.
	Size int64 `json:"size"`
}

// PreparedData is the data set as every worker will read it.
type PreparedData struct {
	// Name is the data set's name, SHA256 the digest of the archive (of the pixels and labels where code draws them).
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	// Archive is the copy in the object store.
	Archive Artifact `json:"archive"`
	// Weights is the copy of the encoder's initial weights in the object store, nil where the seed decides them.
	Weights *Artifact `json:"weights,omitempty"`
	// Classes are the label names, in label order.
	Classes []string `json:"classes"`
	// Train, Validation and Test count the images of each split after the spec's limits.
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
	// SourceSHA256 is the digest of the archive, or of the list of files, that images of one's own were prepared from; SHA256 is
	// that of the prepared ones.
	SourceSHA256 string `json:"source_sha256,omitempty"`
	// MostFrequent is the share of test images in the class that has most, absent where all have as many.
	MostFrequent float64 `json:"most_frequent,omitempty"`
	// Normalize are the statistics of the training split, nil where the spec leaves none to be measured.
	Normalize *Normalize `json:"normalize,omitempty"`
	// ArtifactsURL is where browsers find the bucket: before a key, it leads to that object. Empty where nobody said.
	ArtifactsURL string `json:"artifacts_url,omitempty"`
}

// Usage is what an activity that computes took of its machine, beside the steps that its result times.
type Usage struct {
	// Hardware describes the machine in a line.
	Hardware string `json:"hardware"`
	// Seconds is the time from the activity's beginning, or that of the training where it had begun ahead, until its result was there
	// to be stored.
	Seconds float64 `json:"seconds"`
	// Joules is the energy that was taken meanwhile, for whatever ran there; nil where it could not be read.
	Joules *float64 `json:"joules,omitempty"`
	// EnergyOf names what took it as package hardware does, in order. Older versions counted processors and did not say.
	EnergyOf []string `json:"energy_of,omitempty"`
}

// After adds what was taken before, on whatever machine, to u. Energy that is known of only one of the two, or of other things, is
// left out.
func (u *Usage) After(before *Usage) *Usage {
	if before == nil {
		return u
	}
	sum := &Usage{Hardware: u.Hardware, Seconds: u.Seconds + before.Seconds}
	if u.Joules != nil && before.Joules != nil && slices.Equal(u.EnergyOf, before.EnergyOf) {
		sum.Joules, sum.EnergyOf = new(*u.Joules+*before.Joules), u.EnergyOf
	}
	return sum
}

// PretrainEpoch is what one epoch of pretraining produced.
type PretrainEpoch struct {
	// Epoch counts from 1; 0 is the state before any training, which only an experiment without pretraining has.
	Epoch int `json:"epoch"`
	// Planned is the number of epochs that pretraining was to have when this one was trained, which its learning rate follows;
	// 0 where an older version did not tell.
	Planned int `json:"planned,omitempty"`
	// Step is the number of optimiser steps taken since the beginning of pretraining.
	Step int `json:"step"`
	// Size is the height and width of the epoch's views in pixels, 0 where an older version did not tell.
	Size int `json:"size,omitempty"`
	// Loss is the mean over the epoch's steps.
	Loss float64 `json:"loss"`
	// LearningRate is that of the last step.
	LearningRate float64 `json:"learning_rate"`
	// Retry tells of the divergence after which this epoch was trained again, nil in every other epoch.
	Retry *Retry `json:"retry,omitempty"`
	// KNN is the accuracy on the validation split, a fraction; nil in an epoch that was not monitored.
	KNN *float64 `json:"knn,omitempty"`
	// KNNSeconds is the time that measuring KNN took, on top of Seconds.
	KNNSeconds float64 `json:"knn_seconds,omitempty"`
	// Seconds is the time of the training steps alone, ViewsPerSecond the rate they ran at.
	Seconds        float64 `json:"seconds"`
	ViewsPerSecond float64 `json:"views_per_second"`
	// DataWaitSeconds is the part of Seconds in which a step waited for its batch.
	DataWaitSeconds float64 `json:"data_wait_seconds"`
	// Kernels sums up what computed the epoch: "39 × F(4x4,3x3), bfloat16, 20 × oneDNN". The checkpoint says which of
	// them computed what.
	Kernels string `json:"kernels,omitempty"`
	// Checkpoint is the whole training state after the epoch.
	Checkpoint Artifact `json:"checkpoint"`
	// Worker is the identity of the process that trained it.
	Worker string `json:"worker"`
	// Queue is the task queue of the worker that holds the state in memory; empty where it has none of its own.
	Queue string `json:"queue,omitempty"`
	// Usage is nil in results of older versions.
	Usage *Usage `json:"usage,omitempty"`
}

// ClassifierEpoch is what one epoch of linear evaluation or fine-tuning produced. Test figures are filled in at the very
// end, from the weights of that epoch, when the test split is read for the first and only time.
type ClassifierEpoch struct {
	Epoch              int      `json:"epoch"`
	TrainLoss          float64  `json:"train_loss"`
	TrainAccuracy      float64  `json:"train_accuracy"`
	ValidationLoss     float64  `json:"validation_loss"`
	ValidationAccuracy float64  `json:"validation_accuracy"`
	TestLoss           *float64 `json:"test_loss,omitempty"`
	TestAccuracy       *float64 `json:"test_accuracy,omitempty"`
	Seconds            float64  `json:"seconds"`
	// Size is the height and width of the epoch's training views in pixels, 0 in linear evaluation, which has none.
	Size int `json:"size,omitempty"`
	// Checkpoint holds the weights after the epoch (fine-tuning); linear evaluation keeps all epochs in one artifact.
	Checkpoint *Artifact `json:"checkpoint,omitempty"`
	// Queue is as in PretrainEpoch.
	Queue string `json:"queue,omitempty"`
	// Usage is that of fine-tuning; nil in linear evaluation, whose epochs are one activity, and in results of older versions.
	Usage *Usage `json:"usage,omitempty"`
}

// What the selection of an epoch compares.
const (
	// CriterionKNN is of pretraining, CriterionAccuracy of a classifier.
	CriterionKNN      = "validation kNN accuracy"
	CriterionAccuracy = "validation accuracy"
	// CriterionLast compares nothing: without labels, the last epoch of pretraining is taken. Its value is the epoch's loss.
	CriterionLast = "being the last, as there are no labels to choose by"
)

// Selection is the choice of one epoch and the reason for it.
type Selection struct {
	Epoch int `json:"epoch"`
	// Criterion names what was compared, for example "validation kNN accuracy".
	Criterion string  `json:"criterion"`
	Value     float64 `json:"value"`
	// Checkpoint is the training checkpoint of that epoch, Model its weights as a PyTorch state dict.
	Checkpoint Artifact `json:"checkpoint"`
	Model      Artifact `json:"model"`
}

// Classification is the outcome of linear evaluation or fine-tuning. Without epochs, the experiment leaves it out.
type Classification struct {
	Epochs []ClassifierEpoch `json:"epochs"`
	// Best is the epoch with the highest validation accuracy, the earliest of equals.
	Best Selection `json:"best"`
	// Heads holds the classifier weights of every epoch of linear evaluation.
	Heads *Artifact `json:"heads,omitempty"`
	// Usage is that of linear evaluation; nil in fine-tuning, whose epochs have their own, and in results of older versions.
	Usage *Usage `json:"usage,omitempty"`
}

// SelectClassifier chooses the epoch with the highest validation accuracy, the earliest of equals. The caller adds what
// holds its weights.
func SelectClassifier(epochs []ClassifierEpoch) (Selection, error) {
	if len(epochs) == 0 {
		return Selection{}, errors.New("select a classifier: there are no epochs")
	}
	best := epochs[0]
	for _, e := range epochs {
		if e.ValidationAccuracy > best.ValidationAccuracy {
			best = e
		}
	}
	return Selection{Epoch: best.Epoch, Criterion: CriterionAccuracy, Value: best.ValidationAccuracy}, nil
}

// TestResult is the one reading of the test split.
type TestResult struct {
	KNNAccuracy float64 `json:"knn_accuracy"`
	// KNNTrainAccuracy is that of training images, as many as there are test images, each classified by the others.
	KNNTrainAccuracy float64 `json:"knn_train_accuracy"`
	// Exhibits holds what the report shows of the representation, report.Exhibits as JSON; nil in results of older versions.
	Exhibits *Artifact `json:"exhibits,omitempty"`
	// Embeddings holds the selected encoder's outputs for the training images and their labels, as safetensors ("features"
	// [N, D], "labels" [N]); nil in results of older versions.
	Embeddings *Artifact `json:"embeddings,omitempty"`
	// Usage is nil in results of older versions.
	Usage *Usage `json:"usage,omitempty"`
	// Linear and Finetune hold, in epoch order, the loss and accuracy of each epoch's weights; nil where the experiment
	// leaves the protocol out.
	Linear   []TestScore `json:"linear"`
	Finetune []TestScore `json:"finetune"`
	// LinearAugmented is as Linear.
	LinearAugmented []TestScore `json:"linear_augmented,omitempty"`
	// Ablation has the selected epoch of each arm, in the order of Ablation.Arms.
	Ablation []TestScore `json:"ablation,omitempty"`
	// LinearConfusion and FinetuneConfusion count, for the selected epoch's weights, the test images of each true class
	// (rows, in label order) by predicted class (columns).
	LinearConfusion   [][]int `json:"linear_confusion,omitempty"`
	FinetuneConfusion [][]int `json:"finetune_confusion,omitempty"`
}

// TestScore is the loss and accuracy of one set of weights on the test split.
type TestScore struct {
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"`
}

// Result is the end of an experiment.
type Result struct {
	Experiment string          `json:"experiment"`
	Data       PreparedData    `json:"data"`
	Pretrain   []PretrainEpoch `json:"pretrain"`
	Best       Selection       `json:"best"`
	Linear     Classification  `json:"linear"`
	Finetune   Classification  `json:"finetune"`
	Ablation   []AblationArm   `json:"ablation,omitempty"`
	// LinearAugmented is nil where the experiment leaves it out.
	LinearAugmented *Classification `json:"linear_augmented,omitempty"`
	Test            TestResult      `json:"test"`
	// Changes are what people changed while the experiment ran, in order.
	Changes []Change `json:"changes,omitempty"`
	// RollBacks tell of each time that training went back because an artifact was lost, in order.
	RollBacks []RollBack `json:"roll_backs,omitempty"`
	// Artifacts are the files made for people, by file name: models, metrics.json, report.html, spec.yaml.
	Artifacts map[string]Artifact `json:"artifacts"`
}
