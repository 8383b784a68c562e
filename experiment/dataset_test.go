package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const folder = "name: a\ndataset: {name: image_folder, source: photos}"

func TestImageFolderTakesItsDefaults(t *testing.T) {
	s := parse(t, folder)
	require.NoError(t, s.Validate())
	require.Zero(t, s.Dataset.ValidationImages)
	require.True(t, s.MeasuresStatistics())
	require.Equal(t, 32, s.ImageSize(), "as views have it")
	s.Augment.Size = 64
	require.Equal(t, 64, s.ImageSize())
	s.Dataset.Size = 96
	require.Equal(t, 96, s.ImageSize())

	twins := parse(t, folder+"\nmethod: {name: barlow_twins}\nlinear_augmented: {}\nablation: {}")
	require.NoError(t, twins.Validate())
	for _, view := range twins.views() {
		require.Equal(t, Normalize{}, view.Normalize)
	}
}

func TestStatisticsFillInWhatIsYetToBeMeasured(t *testing.T) {
	s := parse(t, folder+"\nmethod: {name: barlow_twins}\nlinear_augmented: {}\nablation: {}")
	given := Normalize{Mean: [3]float64{0.1, 0.1, 0.1}, Std: [3]float64{1, 1, 1}}
	s.Finetune.Augment.Normalize = given
	measured := Normalize{Mean: [3]float64{0.4, 0.5, 0.6}, Std: [3]float64{0.2, 0.3, 0.4}}
	filled := s.Normalized(measured)
	require.False(t, filled.MeasuresStatistics())
	require.Equal(t, given, filled.Finetune.Augment.Normalize)
	for _, v := range []View{filled.Augment.FirstView, *filled.Augment.SecondView, filled.LinearAugmented.Augment, filled.Ablation.Augment} {
		require.Equal(t, measured, v.Normalize)
	}
	require.True(t, s.MeasuresStatistics(), "the spec itself stays as it was")
	require.Equal(t, Normalize{}, s.Augment.SecondView.Normalize)
}

func TestWithoutLabelsNothingIsEvaluated(t *testing.T) {
	s := parse(t, "name: a\ndataset: {name: image_folder, source: photos, labels: none}")
	require.NoError(t, s.Validate())
	require.False(t, s.Dataset.Labelled())
	require.Zero(t, s.Linear.Epochs)
	require.Zero(t, s.Finetune.Epochs)
	for field, change := range map[string]func(*Spec){
		`linear.epochs: 3 needs labels, and dataset.labels is none: set it to 0`: func(s *Spec) { s.Linear.Epochs = 3 },
		"finetune.epochs: 3":                   func(s *Spec) { s.Finetune.Epochs = 3 },
		"linear_augmented.epochs: 20":          func(s *Spec) { s.LinearAugmented = new(defaultLinearAugmented()) },
		"ablation.label_fractions:":            func(s *Spec) { s.Ablation = new(defaultAblation(s.Dataset)) },
		"dataset.validation_images: 100 needs": func(s *Spec) { s.Dataset.ValidationImages = 100 },
	} {
		bad := s
		change(&bad)
		require.ErrorContains(t, bad.Validate(), field)
	}
}

func TestCIFAR100TakesItsStatistics(t *testing.T) {
	s := parse(t, "name: a\ndataset: {name: cifar100}\nablation: {label_fractions: [0.1]}")
	require.NoError(t, s.Validate())
	for _, view := range s.views() {
		require.Equal(t, [3]float64{0.5071, 0.4865, 0.4409}, view.Normalize.Mean)
	}
	require.Equal(t, 5000, s.Dataset.ValidationImages)
	s.Ablation.LabelFractions = []float64{0.002}
	require.ErrorContains(t, s.Validate(), "is 90: it must be at least one image of each of the 100 classes")
	s.Dataset.Labels = CoarseLabels
	require.NoError(t, s.Validate(), "of 20 classes")
}

func TestValidateNamesWhatIsWrongWithADataset(t *testing.T) {
	for want, change := range map[string]func(*Dataset){
		"dataset.source: \"\" is missing: must be the folder with the images": func(d *Dataset) { d.Source = "" },
		`dataset.labels: "fine" is unknown: must be folders or none`:          func(d *Dataset) { d.Labels = FineLabels },
		`dataset.labels: "none" is no choice that cifar10 has`:                func(d *Dataset) { *d = Dataset{Name: CIFAR10, Labels: NoLabels} },
		`dataset.labels: "folders" is unknown: must be fine or coarse`:        func(d *Dataset) { *d = Dataset{Name: CIFAR100, Labels: FolderLabels} },
		"dataset.size: 64 belongs to image_folder":                            func(d *Dataset) { *d = Dataset{Name: CIFAR100, Size: 64} },
		"dataset.size: 4 is out of range: must be 8 to 256":                   func(d *Dataset) { d.Size = 4 },
		"dataset.sha256: \"\" is missing":                                     func(d *Dataset) { d.Source = "photos.TAR.gz" },
		"dataset.sha256: \"\" is missing: must be":                            func(d *Dataset) { d.Source = "https://example.org/photos" },
		"dataset.train_images: 1 is out of range":                             func(d *Dataset) { d.TrainImages = 1 },
		"dataset.validation_images: -1 is out of range":                       func(d *Dataset) { d.ValidationImages = -1 },
		"dataset.validation_images: 99 is out of range: must be 100 to 25000": func(d *Dataset) { *d = Dataset{Name: CIFAR100, ValidationImages: 99} },
	} {
		s := parse(t, folder)
		change(&s.Dataset)
		require.ErrorContains(t, s.Validate(), want)
	}
}

func TestSetDatasetBringsItsDefaults(t *testing.T) {
	s := Default()
	require.NoError(t, Set(&s, "dataset.name=image_folder"))
	require.True(t, s.MeasuresStatistics())
	require.Zero(t, s.Dataset.ValidationImages)
	s.Finetune.Epochs = 7
	require.NoError(t, Set(&s, "dataset.labels=none"))
	require.Zero(t, s.Linear.Epochs)
	require.Equal(t, 7, s.Finetune.Epochs, "what was asked for stays, to be refused")
	require.NoError(t, Set(&s, "dataset.labels=folders"))
	require.NoError(t, Set(&s, "dataset.name=cifar10"))
	require.Equal(t, Default().Augment, s.Augment)
}

// What a spec means, and with it every digest, is what it was before there were other data sets.
func TestOtherDatasetsLeaveDigestsAlone(t *testing.T) {
	s := parse(t, "name: a")
	require.Equal(t, "82fce1af81b5e4e8aca35645f758951a5d23a003eaa168099fd61f1ee6752696", s.Digest())
	s = parse(t, "name: a\nmethod: {name: barlow_twins}\nablation: {}\nlinear_augmented: {}\ndataset: {name: synthetic}\n"+
		"pretrain: {optimizer: {bias_learning_rate: 0}}")
	require.Equal(t, "85646bb1ec99f2198b427b07605c9fd1112cc10b477608a0282308c55002a1bd", s.Digest())
}

// Every recipe for CIFAR-10 is one for CIFAR-100.
func TestRecipesRunOnCIFAR100(t *testing.T) {
	recipes, err := filepath.Glob("../configs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, recipes)
	for _, recipe := range recipes {
		text, err := os.ReadFile(recipe)
		require.NoError(t, err)
		s := parse(t, string(text))
		require.NoError(t, Set(&s, "dataset.name=cifar100"))
		require.NoError(t, s.Validate(), recipe)
		for _, view := range s.views() {
			require.Equal(t, [3]float64{0.5071, 0.4865, 0.4409}, view.Normalize.Mean, recipe)
		}
		require.NoError(t, Set(&s, "dataset.labels=coarse"))
		require.NoError(t, s.Validate(), recipe)
	}
}

// The specs of docs/own-data.md are valid as they stand there, but for what a reader fills in.
func TestSpecsOfOwnDataAreValid(t *testing.T) {
	page, err := os.ReadFile("../docs/own-data.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	require.Len(t, blocks, 3)
	for _, block := range blocks {
		document, _, _ := strings.Cut(block, "```")
		document = strings.Replace(document, "64 hexadecimal digits", digest, 1)
		if !strings.HasPrefix(document, "name:") {
			document = "name: a\n" + document
		}
		s := parse(t, document)
		require.NoError(t, s.Validate(), document)
		require.Equal(t, ImageFolder, s.Dataset.Name)
	}
}
