package report

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"twinview/experiment"
)

// figure is one plot against epochs.
type figure struct {
	// file is the base name of its SVG file.
	file  string
	title string
	// caption says what to look for.
	caption string
	yLabel  string
	// low and high bound the values that can occur; the axis never goes beyond.
	low, high float64
	curves    []curve
	// epochs is the length of the axis, selected the epoch that was chosen, 0 for none.
	epochs, selected int
}

// curve is one line of a figure.
type curve struct {
	label string
	style curveStyle
	// points are (epoch, value).
	points plotter.XYs
}

// curveStyle keeps curves apart without colour too: by dashes and glyphs.
type curveStyle struct {
	color  color.Color
	dashes []vg.Length
	glyph  draw.GlyphDrawer
}

// The colours are of Okabe and Ito's palette, which colour-blind people can tell apart. The web page replaces them by the
// variables of its style sheet (see inline).
var (
	train      = curveStyle{colorTrain, nil, draw.CircleGlyph{}}
	validation = curveStyle{colorValidation, []vg.Length{5, 2}, draw.BoxGlyph{}}
	test       = curveStyle{colorTest, []vg.Length{5, 1.5, 1, 1.5}, draw.PyramidGlyph{}}
)

// none is no bound.
const none = 1e300

// figures are all plots of a report, in reading order. The result must have passed check.
func figures(spec *experiment.Spec, r *experiment.Result) []figure {
	var loss, rate, knn plotter.XYs
	for _, e := range r.Pretrain {
		x := float64(e.Epoch)
		loss = append(loss, plotter.XY{X: x, Y: e.Loss})
		rate = append(rate, plotter.XY{X: x, Y: e.LearningRate})
		if e.KNN != nil {
			knn = append(knn, plotter.XY{X: x, Y: 100 * *e.KNN})
		}
	}
	unit := "loss (nats)"
	if spec.Method.Name == experiment.BarlowTwins {
		unit = "loss"
	}
	n, best := len(r.Pretrain), r.Best.Epoch
	all := []figure{
		{"pretrain-loss", "Pretraining loss", "Mean over the steps of an epoch, on augmented views.", unit,
			0, none, []curve{{"train", train, loss}}, n, best},
		{"pretrain-knn", "kNN accuracy during pretraining",
			"The monitor that selects the epoch. It needs labels, but trains nothing.", "accuracy (%)",
			0, 100, []curve{{"validation", validation, knn}}, n, best},
		{"pretrain-learning-rate", "Learning rate of pretraining", "At the last step of each epoch.", "learning rate",
			0, none, []curve{{spec.Pretrain.Optimizer.Name + ", " + spec.Pretrain.Schedule.Name, train, rate}}, n, 0},
	}
	all = append(all, classifierFigures("linear", "Linear evaluation", &r.Linear)...)
	return append(all, classifierFigures("finetune", "Fine-tuning", &r.Finetune)...)
}

// classifierFigures are loss and accuracy on the three splits.
func classifierFigures(file, title string, c *experiment.Classification) []figure {
	var loss, accuracy [3]plotter.XYs
	add := func(split int, epoch int, l, a float64) {
		loss[split] = append(loss[split], plotter.XY{X: float64(epoch), Y: l})
		accuracy[split] = append(accuracy[split], plotter.XY{X: float64(epoch), Y: 100 * a})
	}
	for _, e := range c.Epochs {
		add(0, e.Epoch, e.TrainLoss, e.TrainAccuracy)
		add(1, e.Epoch, e.ValidationLoss, e.ValidationAccuracy)
		if e.TestLoss != nil && e.TestAccuracy != nil {
			add(2, e.Epoch, *e.TestLoss, *e.TestAccuracy)
		}
	}
	curves := func(points [3]plotter.XYs) []curve {
		return []curve{{"train", train, points[0]}, {"validation", validation, points[1]}, {"test", test, points[2]}}
	}
	n, best := len(c.Epochs), c.Best.Epoch
	return []figure{
		{file + "-loss", title + ": loss", "Cross-entropy. Train is the running mean of the epoch's steps.", "loss (nats)",
			0, none, curves(loss), n, best},
		{file + "-accuracy", title + ": accuracy",
			fmt.Sprintf("Epoch %d was selected by %s. Test was read afterwards.", best, c.Best.Criterion), "accuracy (%)",
			0, 100, curves(accuracy), n, best},
	}
}

// Plots draws every figure as an SVG file of its own, by file name.
func Plots(in Input) (map[string][]byte, error) {
	if err := check(&in.Result); err != nil {
		return nil, fmt.Errorf("draw plots: %w", err)
	}
	files := map[string][]byte{}
	for _, f := range figures(&in.Spec, &in.Result) {
		svg, err := f.svg()
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", f.file, err)
		}
		files[f.file+".svg"] = svg
	}
	return files, nil
}
