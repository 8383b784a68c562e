package activities

import (
	"crypto/sha256"
	"encoding/hex"

	"twinview/dataset"
	"twinview/experiment"
)

// Sizes of the synthetic set where the spec sets no limit.
const (
	syntheticTrain = 5000
	syntheticTest  = 1000
)

// drawSynthetic draws exactly as many images as the spec asks for.
func drawSynthetic(spec *experiment.Spec) *dataset.Data {
	d := spec.Dataset
	train, test := d.TrainImages, d.TestImages
	if train == 0 {
		train = syntheticTrain
	}
	if test == 0 {
		test = syntheticTest
	}
	return dataset.DrawSynthetic(spec.Seed, train+d.ValidationImages, test)
}

// imagesDigest is the SHA-256 of the training pixels and labels followed by those of the test split. It takes the place of
// an archive's digest.
func imagesDigest(d *dataset.Data) string {
	h := sha256.New()
	for _, images := range []dataset.Images{d.Train, d.Test} {
		h.Write(images.Pixels)
		h.Write(images.Labels)
	}
	return hex.EncodeToString(h.Sum(nil))
}
