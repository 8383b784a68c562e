package experiment

// Names of data sets.
const (
	CIFAR10  = "cifar10"
	CIFAR100 = "cifar100"
	// ImageFolder is a folder of one's own, with a folder of images for each class, as torchvision's ImageFolder reads it.
	ImageFolder = "image_folder"
	Synthetic   = "synthetic"
)

// What Dataset.Labels can be.
const (
	// FineLabels and CoarseLabels are CIFAR-100's 100 classes and its 20 superclasses.
	FineLabels   = "fine"
	CoarseLabels = "coarse"
	// FolderLabels are the names of an image folder's class folders.
	FolderLabels = "folders"
	// NoLabels takes an image folder's images without any.
	NoLabels = "none"
)

// Dataset names the images and how they are divided. The validation split is taken from the training images, by seed and
// class by class; every model choice is made on it. Test images are never used to choose anything.
type Dataset struct {
	// Name is "cifar10", "cifar100", "image_folder" or "synthetic" (ten classes drawn by code, for machines with neither file
	// nor network).
	Name string `yaml:"name" json:"name"`
	// Source is a path or an http(s) URL of the archive in the official binary layout. Empty: $CIFAR10_ARCHIVE, then
	// data/cifar-10-binary.tar.gz, then the official download; for CIFAR-100 the same with 100. Of image_folder it is the
	// folder, or a .zip, .tar or .tar.gz of it, by path or URL.
	Source string `yaml:"source,omitempty" json:"source,omitempty"`
	// SHA256 is the archive's expected digest, 64 hexadecimal digits. It is required where Source is given; the
	// official archives' are built in. Of a folder it may be left out; given, it is that of its list of files as sha256sum
	// prints it (see docs/own-data.md).
	SHA256 string `yaml:"sha256,omitempty" json:"sha256,omitempty"`
	// Labels says what the classes are. CIFAR-100: "fine" (the default) or "coarse". image_folder: "folders" (the default), or
	// "none", which leaves out all that needs labels: the last epoch of pretraining is selected, and nothing is evaluated.
	Labels string `yaml:"labels,omitempty" json:"labels,omitempty"`
	// Size is the height and width in pixels to which the images of image_folder are resized when they are prepared, and in
	// which they are evaluated; views are cut from that. 0 stands for augment.size.
	Size int `yaml:"size,omitempty" json:"size,omitempty"`
	// TrainImages limits the training split, 0 takes all that validation leaves.
	TrainImages int `yaml:"train_images" json:"train_images"`
	// ValidationImages is the size of the validation split. Of image_folder 0 takes the folder val, or where there is none a
	// tenth of the training images.
	ValidationImages int `yaml:"validation_images" json:"validation_images"`
	// TestImages limits the test split, 0 takes all. Of image_folder that is the folder test, or where there is none a fifth
	// of each class, the same for every seed.
	TestImages int `yaml:"test_images" json:"test_images"`
}

// Labelled says whether the images have labels.
func (d Dataset) Labelled() bool { return d.Labels != NoLabels }

// classes is the number of classes, 0 where only the images can tell.
func (d Dataset) classes() int {
	switch {
	case d.Name == ImageFolder:
		return 0
	case d.Name == CIFAR100 && d.Labels == CoarseLabels:
		return 20
	case d.Name == CIFAR100:
		return 100
	}
	return 10
}

// statistics are the mean and standard deviation of the channels that everybody normalises the data set with, zeros where they
// are yet to be measured.
func (d Dataset) statistics() Normalize {
	switch d.Name {
	case CIFAR100:
		return Normalize{Mean: [3]float64{0.5071, 0.4865, 0.4409}, Std: [3]float64{0.2673, 0.2564, 0.2762}}
	case ImageFolder:
		return Normalize{}
	}
	return cifar10Statistics()
}

// cifarSize is the height and width in pixels of the images of CIFAR, and of those that code draws.
const cifarSize = 32

// ImageSize is the height and width in pixels of the data set's images: those of image_folder are brought to it when they are
// prepared.
func (s Spec) ImageSize() int {
	if s.Dataset.Name != ImageFolder {
		return cifarSize
	}
	if s.Dataset.Size != 0 {
		return s.Dataset.Size
	}
	return s.Augment.Size
}
