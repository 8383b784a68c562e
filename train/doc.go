// Package train trains networks and measures them: optimisers and learning-rate schedules, the training state, one epoch
// of contrastive pretraining or fine-tuning, encoder outputs of a set of images, the k-nearest-neighbour classifier and
// linear evaluation.
//
// Everything is a pure function of the spec, the images and the state: the number of goroutines changes nothing, and a
// run that is interrupted between epochs and goes on from a written State ends in the same bits as one that was not.
package train
