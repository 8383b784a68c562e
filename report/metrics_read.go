package report

import (
	"encoding/json"
	"fmt"

	"twinview/experiment"
)

// ReadMetrics is the result that a metrics.json was written from, as far as the file tells: its curves, selections and the
// test, without checkpoints. A newer schema than this program's is an experiment.VersionError.
func ReadMetrics(data []byte) (experiment.Result, error) {
	var m MetricsFile
	if err := json.Unmarshal(data, &m); err != nil {
		return experiment.Result{}, fmt.Errorf("read metrics.json: %w", err)
	}
	if err := experiment.CheckVersion("metrics.json", m.Schema, MetricsSchema); err != nil {
		return experiment.Result{}, err
	}
	r := experiment.Result{
		Experiment: m.Experiment,
		Data: experiment.PreparedData{
			Name: m.Dataset.Name, SHA256: m.Dataset.SHA256, Classes: m.Dataset.Classes,
			Train: m.Dataset.TrainImages, Validation: m.Dataset.ValidationImages, Test: m.Dataset.TestImages,
		},
		Pretrain: pretrainOf(m), Best: selectionOf(m.Pretrain.Selected),
		Changes: m.Changes, Artifacts: m.Artifacts,
	}
	if a := m.Dataset.Archive; a != nil {
		r.Data.Archive = *a
	}
	if m.KNN != nil {
		r.Test = experiment.TestResult{KNNAccuracy: m.KNN.TestAccuracy, KNNTrainAccuracy: m.KNN.TrainAccuracy}
	}
	if m.Linear != nil {
		r.Linear = classificationOf(*m.Linear)
	}
	if m.LinearAugmented != nil {
		r.LinearAugmented = new(classificationOf(*m.LinearAugmented))
	}
	if m.Finetune != nil {
		r.Finetune = classificationOf(*m.Finetune)
	}
	if m.Ablation != nil {
		for _, a := range m.Ablation.Arms {
			r.Ablation = append(r.Ablation, armOf(a))
		}
	}
	return r, nil
}

func pretrainOf(m MetricsFile) []experiment.PretrainEpoch {
	epochs := make([]experiment.PretrainEpoch, len(m.Pretrain.Loss))
	for i := range epochs {
		epochs[i] = experiment.PretrainEpoch{
			Epoch: i + 1, Loss: m.Pretrain.Loss[i], LearningRate: at(m.Pretrain.LearningRate, i), Size: at(m.Pretrain.ViewSize, i),
			Planned: at(m.Pretrain.PlannedEpochs, i), Seconds: at(m.Throughput.PretrainSeconds, i),
			ViewsPerSecond: at(m.Throughput.PretrainViewsPerSecond, i),
		}
	}
	for i, epoch := range m.Pretrain.KNN.Epoch {
		accuracy := at(m.Pretrain.KNN.ValidationAccuracy, i)
		switch {
		case epoch == 0: // the encoder as it started
			epochs = append([]experiment.PretrainEpoch{{KNN: &accuracy}}, epochs...)
		case epoch <= len(epochs):
			epochs[epoch-1].KNN = &accuracy
		}
	}
	return epochs
}

// at is the item of a list that may be shorter, zero behind its end.
func at[T any](list []T, i int) (item T) {
	if i < len(list) {
		return list[i]
	}
	return item
}

func selectionOf(s SelectionMetrics) experiment.Selection {
	return experiment.Selection{Epoch: s.Epoch, Criterion: s.Criterion, Value: s.Value}
}

func classificationOf(m ClassifierMetrics) experiment.Classification {
	return experiment.Classification{Epochs: epochsOf(m.Curves), Best: selectionOf(m.Selected)}
}

func epochsOf(c ClassifierCurves) []experiment.ClassifierEpoch {
	epochs := make([]experiment.ClassifierEpoch, len(c.ValidationAccuracy))
	for i := range epochs {
		epochs[i] = experiment.ClassifierEpoch{
			Epoch: i + 1, Size: at(c.ViewSize, i), TrainLoss: at(c.TrainLoss, i), TrainAccuracy: at(c.TrainAccuracy, i),
			ValidationLoss: at(c.ValidationLoss, i), ValidationAccuracy: c.ValidationAccuracy[i],
			TestLoss: at(c.TestLoss, i), TestAccuracy: at(c.TestAccuracy, i),
		}
	}
	return epochs
}

func armOf(a ArmMetrics) experiment.AblationArm {
	return experiment.AblationArm{
		Arm: experiment.Arm{Fraction: a.LabelFraction, Start: a.Start}, Labels: a.Labels, Best: selectionOf(a.Selected),
		Epochs: epochsOf(a.Curves), Test: &experiment.TestScore{Loss: a.TestLoss, Accuracy: a.TestAccuracy},
	}
}
