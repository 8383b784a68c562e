package report

import (
	"fmt"

	"twinview/experiment"
)

// evaluation is one way to measure the representation, in the form that tables and metrics share.
type evaluation struct {
	// key is the protocol's name in metrics.json, name that in tables.
	key, name string
	// title is the protocol's full name, protocol what it is.
	title, protocol string
	// sentence is the beginning of one that ends with the test accuracy, empty where another evaluation says more of the
	// representation itself.
	sentence string
	// choice says which epoch was selected and by what.
	choice experiment.Selection
	// of says what the epoch counts.
	of string
	// Losses and accuracies are nil where the protocol has none.
	trainLoss, validationLoss, testLoss             *float64
	trainAccuracy, validationAccuracy, testAccuracy *float64
	validationImages, testImages                    int
	// epochs are those of a classifier's training, confusion is its table of test images.
	epochs    []experiment.ClassifierEpoch
	confusion [][]int
}

// Names of protocols, as metrics.json has them.
const (
	protocolKNN             = "knn"
	protocolLinearAugmented = "linear_augmented"
	protocolLinear          = "linear"
	protocolFinetune        = "finetune"
)

// sentences begin the answer to the question.
var sentences = map[string]string{
	protocolKNN:    "The nearest neighbours of the representation name",
	protocolLinear: "A linear classifier on the frozen representation names",
}

// evaluations are kNN, linear evaluation without and with augmentation and fine-tuning, in this order, without those that
// the experiment leaves out, and none at all where no image has a label. The result must have passed check.
func evaluations(spec *experiment.Spec, r *experiment.Result) []evaluation {
	if !spec.Dataset.Labelled() {
		return nil
	}
	all := []evaluation{knnEvaluation(spec, r)}
	confusions := map[string][][]int{
		protocolLinear: r.Test.LinearConfusion, protocolFinetune: r.Test.FinetuneConfusion,
	}
	add := func(key, name, title, protocol, of string, c *experiment.Classification) {
		if len(c.Epochs) > 0 {
			e := classifierEvaluation(c, &r.Data)
			e.key, e.name, e.title, e.protocol, e.of = key, name, title, protocol, of
			e.sentence, e.confusion = sentences[key], confusions[key]
			all = append(all, e)
		}
	}
	add(protocolLinear, "Linear", "linear evaluation on precomputed features", linearProtocol(spec, r), "linear evaluation", &r.Linear)
	if l := r.LinearAugmented; l != nil {
		add(protocolLinearAugmented, "Linear, augmented", "linear evaluation with augmentation",
			linearAugmentedProtocol(spec, r), "linear evaluation", l)
	}
	add(protocolFinetune, "Fine-tuned", "fine-tuning", finetuneProtocol(spec, r), "fine-tuning", &r.Finetune)
	return all
}

func knnEvaluation(spec *experiment.Spec, r *experiment.Result) evaluation {
	queries := monitored(spec.KNN.ValidationImages, r.Data.Validation)
	return evaluation{
		key: protocolKNN, name: "kNN", title: "k nearest neighbours", protocol: knnProtocol(spec, r), choice: r.Best,
		of: "pretraining", sentence: sentences[protocolKNN],
		trainAccuracy: &r.Test.KNNTrainAccuracy, validationAccuracy: &r.Best.Value, testAccuracy: &r.Test.KNNAccuracy,
		validationImages: queries, testImages: r.Data.Test,
	}
}

// monitored is the number of a split's images that the monitor takes under a limit, 0 for all.
func monitored(limit, images int) int {
	if limit > 0 {
		return min(limit, images)
	}
	return images
}

func classifierEvaluation(c *experiment.Classification, d *experiment.PreparedData) evaluation {
	e, _ := selected(c)
	return evaluation{
		choice: c.Best, epochs: c.Epochs,
		trainLoss: &e.TrainLoss, validationLoss: &e.ValidationLoss, testLoss: e.TestLoss,
		trainAccuracy: &e.TrainAccuracy, validationAccuracy: &e.ValidationAccuracy, testAccuracy: e.TestAccuracy,
		validationImages: d.Validation, testImages: d.Test,
	}
}

func knnProtocol(spec *experiment.Spec, r *experiment.Result) string {
	protocol := fmt.Sprintf("majority vote of the %d nearest of %s training images, by cosine similarity of encoder outputs",
		spec.KNN.K, count(r.Data.Train))
	if n := monitored(spec.KNN.TrainImages, r.Data.Train); n < r.Data.Train {
		protocol += fmt.Sprintf("; for validation, of %s", count(n))
	}
	return protocol + "; training images are classified by the others"
}

func linearProtocol(spec *experiment.Spec, r *experiment.Result) string {
	return fmt.Sprintf("softmax classifier on outputs of the frozen encoder, computed once, %d epochs on %s training images, no augmentation",
		spec.Linear.Epochs, count(r.Data.Train))
}

func linearAugmentedProtocol(spec *experiment.Spec, r *experiment.Result) string {
	return fmt.Sprintf("softmax classifier on outputs of the frozen encoder for training images augmented anew in each epoch, "+
		"%d epochs on %s images", spec.LinearAugmented.Epochs, count(r.Data.Train))
}

func finetuneProtocol(spec *experiment.Spec, r *experiment.Result) string {
	return fmt.Sprintf("encoder and a new classifier trained together, %d epochs on %s augmented training images",
		spec.Finetune.Epochs, count(r.Data.Train))
}

// chance is the accuracy of guessing: of naming the class that has most images, or any where all have as many.
func chance(r *experiment.Result) float64 {
	if r.Data.MostFrequent > 0 {
		return r.Data.MostFrequent
	}
	return 1 / float64(max(1, len(r.Data.Classes)))
}
