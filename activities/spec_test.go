package activities

import "twinview/experiment"

// tinySpec is an experiment that the reference machine finishes in a few seconds: the narrowest encoder on views of 8×8
// pixels of a handful of images.
func tinySpec() experiment.Spec {
	s := experiment.Default()
	s.Name = "tiny"
	s.Dataset = experiment.Dataset{
		Name: experiment.Synthetic, TrainImages: 10, ValidationImages: 10, TestImages: 10,
	}
	s.Encoder.Width = 8
	s.Method.Projector.Hidden, s.Method.Projector.Output = 16, 8
	s.Augment.Size = 8
	s.Pretrain.Epochs, s.Pretrain.BatchSize, s.Pretrain.Schedule.WarmupEpochs = 2, 5, 0
	s.KNN = experiment.KNN{K: 3, EveryEpochs: 2}
	s.Linear.Epochs, s.Linear.BatchSize = 2, 5
	s.Finetune.Epochs, s.Finetune.BatchSize = 2, 5
	s.Compute.EvaluationBatchSize = 10
	return s
}
