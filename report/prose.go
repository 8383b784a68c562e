package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"

	"twinview/experiment"
)

// What the report says in words, on screen and on paper alike.

const question = "How much can an encoder learn about images without being told what they show? It is trained to give two " +
	"randomly altered views of the same image similar projections. Only then do labels come in, to measure what it has " +
	"learned: by nearest neighbours, by a linear classifier on the frozen encoder, and by fine-tuning."

const unlabelledQuestion = "What does an encoder learn about images without being told what they show? It is trained to give two " +
	"randomly altered views of the same image similar projections."

// unlabelledNote stands where accuracies would.
const unlabelledNote = "No image has a label, so there was nothing to choose an epoch by, and no accuracy to measure: the model is " +
	"that of the last epoch. Its loss says how well it tells views of one image from those of others, not how good the " +
	"representation is for anything else."

func questionOf(spec *experiment.Spec) string {
	if !spec.Dataset.Labelled() {
		return unlabelledQuestion
	}
	return question
}

func network(spec *experiment.Spec) string {
	head := spec.Method.Projector
	return fmt.Sprintf("Encoder: %s with a 3×3 stem and no max-pooling, %d channels in its first stage. Projection head: %d linear layers, %d hidden units, "+
		"%d outputs.", encoderTitle(spec.Encoder), spec.Encoder.Width, head.Layers, head.Hidden, head.Output)
}

// encoderTitle is the name that the literature uses: "ResNet-18".
func encoderTitle(e experiment.Encoder) string {
	return strings.Replace(e.Architecture, "resnet", "ResNet-", 1)
}

// describeLoss fills in what surrounds the formula of the pretraining loss.
func (p *page) describeLoss(spec *experiment.Spec) {
	if p.IsSimCLR {
		p.LossName = "NT-Xent loss (nats)"
		views := spec.Augment.ViewsPerImage()
		source, twins, average := "", "its twin", ""
		if views > 2 {
			source, twins, average = "; with several twins Khosla et al. 2020, equation 2", "each of its twins",
				" and the twins of each"
		}
		p.Loss = fmt.Sprintf("The loss is NT-Xent (Chen et al. 2020, equation 1%s): among the other %dN − 1 views of a batch of "+
			"N images, each view i has to find %s j.", source, views, twins)
		p.Symbols = fmt.Sprintf("averaged over all %dN views%s. sim is the cosine similarity of two projections; τ = %v, N = %d.",
			views, average, spec.Method.Temperature, spec.Pretrain.BatchSize)
		return
	}
	if !p.IsBarlowTwins {
		p.describeOtherLoss(spec)
		return
	}
	p.LossName = "Barlow Twins loss"
	p.Loss = "The loss is that of Barlow Twins (Zbontar et al. 2021, equation 1): the outputs of the two views should agree, " +
		"and different outputs should have nothing in common."
	p.Symbols = fmt.Sprintf("C is the correlation, over the batch, of each output of the one view with each of the other; "+
		"λ = %v, batch of %d images.", spec.Method.Lambda, spec.Pretrain.BatchSize)
}

// describeOtherLoss fills in what a loss says of itself.
func (p *page) describeOtherLoss(spec *experiment.Spec) {
	loss, _ := experiment.LossOf(spec.Method.Name)
	p.LossName, p.Loss = loss.Title+" loss", loss.Text
	if loss.Unit != "" {
		p.LossName += " (" + loss.Unit + ")"
	}
	p.Symbols = fmt.Sprintf("Batch of %d images", spec.Pretrain.BatchSize)
	for _, parameter := range loss.Parameters {
		p.Symbols += fmt.Sprintf(", %s = %v", parameter.Name, spec.Method.Parameters[parameter.Name])
	}
	p.Symbols += "."
}

func choices(spec *experiment.Spec, r *experiment.Result) string {
	if !spec.Dataset.Labelled() {
		return unlabelledNote
	}
	return fmt.Sprintf("Every choice was made on the validation split, which makes its figures a little too good; the test "+
		"split was read once, after all choices. Intervals are Wilson's, for %s test images: they say how far other images "+
		"might differ, not other seeds. A classifier's train figures are running means over the epoch's steps, while it still "+
		"learned.", count(r.Data.Test))
}

// How to read the parts that show the test split, and what repeats the experiment.
const (
	ablationNote = "The whole network, fine-tuned with the labels of a part of the training images, class-balanced: the same " +
		"steps on the same views, from the selected encoder and from scratch. Epochs were selected by validation accuracy; " +
		"95 % intervals."
	confusionNote = "Of the test images of each class (rows), the percentage that the classifier of the selected epoch calls " +
		"each class (columns). The diagonal is right."
	crowdedNote    = " Rows and columns are in the order of the classes; the darker, the more, with small shares brought out."
	neighboursNote = "Test images drawn by the seed, whatever came out for them, and the training images whose " +
		"representations are most similar to theirs, nearest first, with the cosine similarity. The prediction is the vote of " +
		"all the neighbours that kNN asks. %s and %s say whether a class is the test image's."
	unlabelledNeighboursNote = "Images that were set aside, drawn by the seed, and the training images whose representations are " +
		"most similar to theirs, nearest first, with the cosine similarity."
	timeNote = "Steps are the training steps alone; activity is the time from the beginning of each activity until its result " +
		"was there to be stored: with reading the data, building the network and measuring accuracy."
	viewsNote     = "Pairs of views as the encoder saw them; each pair comes from one image."
	reproduceNote = "The spec above is stored as spec.yaml beside the models. Every random draw is a pure function of its seed. " +
		"The same spec on the same data, %s with the SHA-256 %s, gives the same bits on the same kind of machine; elsewhere, " +
		"rounding differs."
)

func (*page) AblationNote() string { return ablationNote }

// NeighboursNote says how to read the neighbours, with the marks of a screen.
func (p *page) NeighboursNote() string { return p.neighboursNote("✓", "✗") }

func (p *page) neighboursNote(right, wrong string) string {
	if !p.Labelled {
		return unlabelledNeighboursNote
	}
	return fmt.Sprintf(neighboursNote, right, wrong)
}

// ConfusionNote says how to read the matrices.
func (p *page) ConfusionNote() string {
	if len(p.Confusions) > 0 && p.Confusions[0].Crowded() {
		return confusionNote + crowdedNote
	}
	return confusionNote
}
func (*page) TimeNote() string  { return timeNote }
func (*page) ViewsNote() string { return viewsNote }

// ReproduceNote says what a repetition starts from.
func (p *page) ReproduceNote() string {
	return fmt.Sprintf(reproduceNote, p.Result.Data.Name, p.Result.Data.SHA256)
}

// ClassList counts and names the classes.
func (p *page) ClassList() string {
	classes := p.Result.Data.Classes
	if len(classes) == 0 {
		return "none: the images have no labels"
	}
	return fmt.Sprintf("%d: %s", len(classes), strings.Join(classes, ", "))
}

// WorkersNote says in how many processes pretraining ran.
func (p *page) WorkersNote() string {
	return "Pretraining ran in " + english.Plural(p.Workers, "worker process", "worker processes") + "."
}

// ClassifiersTitle names what the plots of the classifiers are of.
func (p *page) ClassifiersTitle() string {
	linear, finetune := len(p.Result.Linear.Epochs) > 0, len(p.Result.Finetune.Epochs) > 0
	switch {
	case linear && finetune:
		return "Linear evaluation and fine-tuning"
	case linear:
		return "Linear evaluation"
	}
	return "Fine-tuning"
}

// commands fetch the experiment's files, check the spec, repeat the experiment and compare.
func commands(p *page) string {
	return fmt.Sprintf(`starter get %[1]s --out %[1]s
echo "%[2]s  %[1]s/spec.yaml" | sha256sum --check
starter run %[1]s/spec.yaml --name %[1]s-again --watch
starter get %[1]s-again --out %[1]s-again
sha256sum %[1]s/*.pt %[1]s-again/*.pt`, p.Name, p.YAMLSHA256)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
