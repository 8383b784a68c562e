package model

import (
	"fmt"

	"twinview/experiment"
)

// loss is how a pretraining loss gets into a network.
type loss struct {
	// check refuses what the spec should not have let through; nil where there is nothing to check.
	check func(experiment.Method) error
	// build sets the network's Loss on its Projection, which has the first views of all images, then the second ones, and so on.
	build func(*builder, experiment.Method, Options)
}

// losses are by name of the method. Files of this package add theirs as the program initialises.
var losses = map[string]loss{}

// registerLoss adds a loss that specs can name: about says what they, their checks and the report know of it. One of two views
// gets no others.
func registerLoss(about experiment.Loss, build func(*builder, experiment.Method, Options)) {
	experiment.RegisterLoss(about)
	losses[about.Name] = loss{build: build}
}

// pretrainingLoss adds the method's loss.
func (b *builder) pretrainingLoss(m experiment.Method, o Options) {
	if b.err == nil {
		losses[m.Name].build(b, m, o)
	}
}

// viewsPerImage is Views with its default.
func (o Options) viewsPerImage() int {
	if o.Views == 0 {
		return 2
	}
	return o.Views
}

func checkPretraining(m experiment.Method, o Options) error {
	views := o.viewsPerImage()
	about, _ := experiment.LossOf(m.Name)
	switch {
	case views < 2 || about.Views == 2 && views > 2:
		return fmt.Errorf("%d views an image, want 2 (or, with %q, more)", views, experiment.SimCLR)
	case o.Batch%views != 0:
		return fmt.Errorf("batch is %d views, want a multiple of %d, the views of an image", o.Batch, views)
	case o.Batch < 2*views:
		return fmt.Errorf("batch is %d views, want at least %d: one image has nothing to be contrasted with", o.Batch, 2*views)
	}
	l, known := losses[m.Name]
	if !known {
		return fmt.Errorf("method.name is %q, which is no loss", m.Name)
	}
	if l.check != nil {
		if err := l.check(m); err != nil {
			return err
		}
	}
	return checkProjector(m.Projector)
}
