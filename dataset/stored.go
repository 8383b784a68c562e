package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"twinview/experiment"
)

// ReadFile reads a data set as it lies in the object store, from a copy at path: the official archives, or prepared images.
func ReadFile(path string, d experiment.Dataset) (data *Data, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open data set: %w", err)
	}
	defer f.Close()
	switch d.Name {
	case experiment.ImageFolder:
		data, err = readPreparedFile(f)
	case experiment.CIFAR100:
		data, err = ReadCIFAR100(f, d.Labels)
	default:
		data, err = ReadCIFAR10(f)
	}
	if err != nil {
		return nil, fmt.Errorf("read data set %s: %w", path, err)
	}
	return data, nil
}

func readPreparedFile(f *os.File) (*Data, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return ReadPrepared(f, info.Size())
}

// Sizes of the synthetic set where the spec sets no limit.
const (
	syntheticTrain = 5000
	syntheticTest  = 1000
)

// Synthetic draws exactly as many images as the spec asks for.
func Synthetic(spec *experiment.Spec) *Data {
	d := spec.Dataset
	train, test := d.TrainImages, d.TestImages
	if train == 0 {
		train = syntheticTrain
	}
	if test == 0 {
		test = syntheticTest
	}
	return DrawSynthetic(spec.Seed, train+d.ValidationImages, test)
}

// Digest is the SHA-256 of the training pixels and labels followed by those of the test split. Where code draws the images, it
// takes the place of an archive's digest.
func (d *Data) Digest() string {
	h := sha256.New()
	for _, images := range []Images{d.Train, d.Test} {
		h.Write(images.Pixels)
		h.Write(images.Labels)
	}
	return hex.EncodeToString(h.Sum(nil))
}
