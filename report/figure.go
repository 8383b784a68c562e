package report

import (
	"fmt"
	"image/color"
	"slices"

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
	Caption string
	yLabel  string
	// percent ends the axis at 100, fromZero begins it at 0.
	percent, fromZero bool
	curves            []curve
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

const percentLabel = "accuracy (%)"

// figures are all plots of a report, in reading order. The result must have passed check.
func figures(spec *experiment.Spec, r *experiment.Result) []figure {
	var loss, rate, knn, throughput plotter.XYs
	for _, e := range trained(r) {
		x := float64(e.Epoch)
		loss = append(loss, plotter.XY{X: x, Y: e.Loss})
		rate = append(rate, plotter.XY{X: x, Y: e.LearningRate})
		throughput = append(throughput, plotter.XY{X: x, Y: e.ViewsPerSecond})
		if e.KNN != nil {
			knn = append(knn, plotter.XY{X: x, Y: 100 * *e.KNN})
		}
	}
	unit := "loss"
	if loss, _ := experiment.LossOf(spec.Method.Name); loss.Unit != "" {
		unit = fmt.Sprintf("loss (%s)", loss.Unit)
	}
	n, best := len(trained(r)), r.Best.Epoch
	all := []figure{
		{
			file: "pretrain-loss", title: "Pretraining loss", yLabel: unit, epochs: n, selected: best,
			Caption: "Mean over the steps of an epoch, on augmented views.",
			curves:  []curve{{"train", train, loss}},
		},
		{
			file: "pretrain-knn", title: "kNN accuracy during pretraining", yLabel: percentLabel, percent: true,
			Caption: "The monitor that selects the epoch. It needs labels, but trains nothing.",
			curves:  []curve{{"validation", validation, knn}}, epochs: n, selected: best,
		},
		{
			file: "pretrain-learning-rate", title: "Learning rate of pretraining", yLabel: "learning rate", epochs: n,
			Caption: "At the last step of each epoch.",
			curves:  []curve{{spec.Pretrain.Optimizer.Name + ", " + spec.Pretrain.Schedule.Name, train, rate}},
		},
		{
			file: "pretrain-throughput", title: "Throughput of pretraining", yLabel: "views per second", epochs: n,
			Caption: "Augmented views that the training steps took per second.",
			curves:  []curve{{"train", train, throughput}}, fromZero: true,
		},
	}
	if !spec.Dataset.Labelled() {
		all = slices.DeleteFunc(all, func(f figure) bool { return f.file == "pretrain-knn" })
	}
	if n == 0 {
		all = nil
	}
	all = append(all, classifierFigures("linear", "Linear evaluation", &r.Linear)...)
	if r.LinearAugmented != nil {
		all = append(all, classifierFigures("linear-augmented", "Linear evaluation with augmentation", r.LinearAugmented)...)
	}
	return append(all, classifierFigures("finetune", "Fine-tuning", &r.Finetune)...)
}

// classifierFigures are loss and accuracy on the three splits, none where the experiment leaves the protocol out.
func classifierFigures(file, title string, c *experiment.Classification) []figure {
	if len(c.Epochs) == 0 {
		return nil
	}
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
		{
			file: file + "-loss", title: title + ": loss", yLabel: "loss (nats)", epochs: n, selected: best,
			Caption: "Cross-entropy. Train is the running mean of the epoch's steps.",
			curves:  curves(loss),
		},
		{
			file: file + "-accuracy", title: title + ": accuracy", yLabel: percentLabel, percent: true,
			Caption: fmt.Sprintf("Epoch %d was selected by %s. Test was read afterwards.", best, c.Best.Criterion),
			curves:  curves(accuracy), epochs: n, selected: best,
		},
	}
}

// Plots draws every figure as an SVG and a PNG file of its own, by file name.
func Plots(in Input) (map[string][]byte, error) {
	if err := check(&in.Spec, &in.Result); err != nil {
		return nil, fmt.Errorf("draw plots: %w", err)
	}
	files := map[string][]byte{}
	for _, d := range drawings(in) {
		var err error
		if files[d.name()+".svg"], err = drawSVG(d); err != nil {
			return nil, fmt.Errorf("draw %s.svg: %w", d.name(), err)
		}
		if files[d.name()+".png"], err = drawPNG(d); err != nil {
			return nil, fmt.Errorf("draw %s.png: %w", d.name(), err)
		}
	}
	return files, nil
}

// drawings are all figures of the report, in reading order.
func drawings(in Input) []drawing {
	var all []drawing
	for _, f := range figures(&in.Spec, &in.Result) {
		all = append(all, f)
	}
	if m := mapOf(in); m != nil {
		all = append(all, m)
	}
	return all
}

// mapOf is the map of test images, nil where the result has none.
func mapOf(in Input) *mapFigure {
	if in.Exhibits == nil || in.Exhibits.Map == nil {
		return nil
	}
	return &mapFigure{in.Exhibits.Map, in.Result.Data.Classes}
}
