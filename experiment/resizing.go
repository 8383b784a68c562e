package experiment

import "fmt"

// ResizingPhase is a run of epochs on views of one size: progressive resizing, which begins on small images (Howard 2018,
// https://www.fast.ai/posts/2018-08-10-fastai-diu-imagenet.html; Tan and Le 2021, section 4).
type ResizingPhase struct {
	// Epochs is how many there are of them.
	Epochs int `yaml:"epochs" json:"epochs"`
	// Size is the height and width of a view in pixels, in place of Augment.Size.
	Size int `yaml:"size" json:"size"`
}

// ViewSize is the height and width of views in an epoch, counted from 0: that of the phase that it belongs to, else last.
func ViewSize(phases []ResizingPhase, epoch, last int) int {
	for _, p := range phases {
		if epoch < p.Epochs {
			return p.Size
		}
		epoch -= p.Epochs
	}
	return last
}

// smallestView is the least size of views in phases and in the epochs after them.
func smallestView(phases []ResizingPhase, last int) int {
	for _, p := range phases {
		last = min(last, p.Size)
	}
	return last
}

// checkResizing checks the phases of a stage with so many epochs.
func checkResizing(c *checker, stage string, phases []ResizingPhase, epochs int) {
	path, total := stage+".progressive_resizing", 0
	for i, p := range phases {
		c.whole(fmt.Sprintf("%s[%d].epochs", path, i), p.Epochs, 1, maxPretrainEpochs, "")
		checkViewSize(c, fmt.Sprintf("%s[%d].size", path, i), p.Size)
		total += p.Epochs
	}
	if epochs > 0 && total > epochs {
		c.complain(path, total, "epochs are more than %s.epochs: shorten the list or raise %s.epochs, which is %d",
			stage, stage, epochs)
	}
}

func checkViewSize(c *checker, path string, size int) {
	c.whole(path, size, 8, 256, "the encoder halves it three times")
}
