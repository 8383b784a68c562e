package experiment

import "strings"

func (d Dataset) check(c *checker) {
	if !c.oneOf("dataset.name", d.Name, CIFAR10, CIFAR100, ImageFolder, Synthetic) {
		return
	}
	d.checkSource(c)
	d.checkLabels(c)
	d.checkSize(c)
	if d.Name == ImageFolder {
		d.checkFolder(c)
		return
	}
	train, test := cifarTrain, cifarTest
	if d.Name == Synthetic {
		train, test = maxSynthetic, maxSynthetic
	}
	classes := d.classes()
	c.wholeOrAll("dataset.train_images", d.TrainImages, classes, train)
	c.whole("dataset.validation_images", d.ValidationImages, classes, train/2, "it is taken from the training images")
	c.wholeOrAll("dataset.test_images", d.TestImages, classes, test)
	if d.isCIFAR() && d.TrainImages <= train && d.TrainImages > train-d.ValidationImages {
		c.complain("dataset.train_images", d.TrainImages,
			"is too many: %d of the %d images are for validation; lower one of the two", d.ValidationImages, train)
	}
}

func (d Dataset) isCIFAR() bool { return d.Name == CIFAR10 || d.Name == CIFAR100 }

// checkFolder checks the numbers of images against nothing but each other: how many there are is known when they are prepared.
func (d Dataset) checkFolder(c *checker) {
	c.wholeOrAll("dataset.train_images", d.TrainImages, 2, maxFolder)
	c.wholeOrAll("dataset.validation_images", d.ValidationImages, 1, maxFolder)
	c.wholeOrAll("dataset.test_images", d.TestImages, 1, maxFolder)
	if d.Source == "" {
		c.complain("dataset.source", "", "is missing: must be the folder with the images, or a .zip, .tar or .tar.gz of it, by path "+
			"or URL")
	}
}

func (d Dataset) checkSize(c *checker) {
	c.must("dataset.size", "0 or 8 to 256, for image_folder")
	switch {
	case d.Size == 0:
	case d.Name != ImageFolder:
		c.complain("dataset.size", d.Size, "belongs to %s: the images of %s are 32 pixels high and wide; remove it", ImageFolder, d.Name)
	default:
		checkViewSize(c, "dataset.size", d.Size)
	}
}

func (d Dataset) checkLabels(c *checker) {
	switch {
	case d.Labels == "":
	case d.Name == CIFAR100:
		c.oneOf("dataset.labels", d.Labels, FineLabels, CoarseLabels)
	case d.Name == ImageFolder:
		c.oneOf("dataset.labels", d.Labels, FolderLabels, NoLabels)
	default:
		c.complain("dataset.labels", d.Labels, "is no choice that %s has; remove it", d.Name)
	}
}

// checkLabels refuses what images without labels can't do.
func (s Spec) checkLabels(c *checker) {
	if s.Dataset.Labelled() {
		return
	}
	const needs = "needs labels, and dataset.labels is " + NoLabels + ": "
	if s.Linear.Epochs != 0 {
		c.complain("linear.epochs", s.Linear.Epochs, needs+"set it to 0")
	}
	if s.Finetune.Epochs != 0 {
		c.complain("finetune.epochs", s.Finetune.Epochs, needs+"set it to 0")
	}
	if s.LinearAugmented != nil {
		c.complain("linear_augmented.epochs", s.LinearAugmented.Epochs, needs+"remove the section")
	}
	if s.Ablation != nil {
		c.complain("ablation.label_fractions", s.Ablation.LabelFractions, needs+"remove the section")
	}
	if s.Dataset.ValidationImages != 0 {
		c.complain("dataset.validation_images", s.Dataset.ValidationImages, needs+"nothing is chosen on them; set it to 0")
	}
}

func (d Dataset) checkSource(c *checker) {
	c.must("dataset.sha256", digestForm)
	if d.SHA256 != "" && !digestSyntax.MatchString(d.SHA256) {
		c.complain("dataset.sha256", d.SHA256, "is no digest: must be %s, as sha256sum prints them", digestForm)
	}
	if d.Name == Synthetic && (d.Source != "" || d.SHA256 != "") {
		c.complain("dataset.source", d.Source, "belongs to no archive: the synthetic set is drawn by code; "+
			"remove dataset.source and dataset.sha256")
		return
	}
	if d.Source == "" {
		return
	}
	if d.SHA256 == "" && !d.isFolder() {
		c.complain("dataset.sha256", "", "is missing: must be the digest of dataset.source, as sha256sum prints it")
	}
	c.source("dataset.source", d.Source)
}

// isFolder says whether Source is a folder and no file: a URL never is.
func (d Dataset) isFolder() bool {
	return d.Name == ImageFolder && !IsArchive(d.Source) && !strings.Contains(d.Source, "://")
}

// IsArchive says whether the source of an image folder is an archive of it, by the end of its name.
func IsArchive(source string) bool {
	name := strings.ToLower(source)
	for _, extension := range []string{".zip", ".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	return false
}
