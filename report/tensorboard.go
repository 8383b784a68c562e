package report

import (
	"bytes"
	"fmt"
	"path"

	"twinview/experiment"
	"twinview/tensorboard"
)

// eventFile is the name of every event file: TensorBoard takes what has "tfevents" in its name, a folder for each run.
const eventFile = "events.out.tfevents.0000000000.twinview"

// TensorBoard makes event files of all curves, by path: a folder each for what was measured on the training, validation and test
// split, which TensorBoard lays over each other. Steps are epochs. The files are the same whenever they are made of the same
// result, so a point's time is not of the clock but the seconds that training and measuring had taken by then.
func TensorBoard(in Input) (map[string][]byte, error) {
	if err := check(&in.Spec, &in.Result); err != nil {
		return nil, fmt.Errorf("write event files: %w", err)
	}
	files := map[string][]byte{}
	for split, scalars := range scalarsOf(&in.Result) {
		var data bytes.Buffer
		if err := tensorboard.Write(&data, scalars); err != nil {
			return nil, err
		}
		files[path.Join(split, eventFile)] = data.Bytes()
	}
	return files, nil
}

// board collects the points of all splits.
type board struct {
	points map[string][]tensorboard.Scalar
	// spent are the seconds so far.
	spent float64
}

func scalarsOf(r *experiment.Result) map[string][]tensorboard.Scalar {
	b := &board{points: map[string][]tensorboard.Scalar{}}
	for _, e := range r.Pretrain {
		b.pretrain(e)
	}
	b.classifier(experiment.StageLinear, r.Linear.Epochs)
	if r.LinearAugmented != nil {
		b.classifier(experiment.StageLinearAugmented, r.LinearAugmented.Epochs)
	}
	b.classifier(experiment.StageFinetune, r.Finetune.Epochs)
	for _, arm := range r.Ablation {
		b.classifier(arm.Stage(), arm.Epochs)
	}
	if len(r.Data.Classes) > 0 { // of images without labels nothing is tested
		b.add("test", tagKNN, "", r.Best.Epoch, r.Test.KNNAccuracy)
	}
	return b.points
}

const tagKNN = experiment.StagePretrain + "/knn_accuracy"

func (b *board) pretrain(e experiment.PretrainEpoch) {
	b.spent += e.Seconds + e.KNNSeconds
	if e.KNN != nil {
		b.add("validation", tagKNN, "k nearest neighbours, a fraction; the epoch with the best one is selected", e.Epoch, *e.KNN)
	}
	if e.Epoch == 0 { // which trained nothing
		return
	}
	for _, p := range []struct {
		name, description string
		value             float64
	}{
		{"loss", "mean over the epoch's steps, on augmented views", e.Loss},
		{"learning_rate", "at the last step of the epoch", e.LearningRate},
		{"views_per_second", "augmented views that the training steps took per second", e.ViewsPerSecond},
		{"data_wait_seconds", "seconds of the epoch in which a step waited for its batch", e.DataWaitSeconds},
	} {
		b.add("train", experiment.StagePretrain+"/"+p.name, p.description, e.Epoch, p.value)
	}
}

// classifier adds the curves of a stage. Those on the test split are there where it was read.
func (b *board) classifier(stage string, epochs []experiment.ClassifierEpoch) {
	const loss, accuracy = "cross-entropy in nats; on the training split the mean over the epoch's steps", "a fraction"
	for _, e := range epochs {
		b.spent += e.Seconds
		b.add("train", stage+"/loss", loss, e.Epoch, e.TrainLoss)
		b.add("train", stage+"/accuracy", accuracy, e.Epoch, e.TrainAccuracy)
		b.add("validation", stage+"/loss", loss, e.Epoch, e.ValidationLoss)
		b.add("validation", stage+"/accuracy", accuracy, e.Epoch, e.ValidationAccuracy)
		if e.TestLoss != nil && e.TestAccuracy != nil {
			b.add("test", stage+"/loss", loss, e.Epoch, *e.TestLoss)
			b.add("test", stage+"/accuracy", accuracy, e.Epoch, *e.TestAccuracy)
		}
	}
}

func (b *board) add(split, tag, description string, epoch int, value float64) {
	b.points[split] = append(b.points[split], tensorboard.Scalar{
		Tag: tag, Description: description, Step: int64(epoch), WallTime: b.spent, Value: float32(value),
	})
}
