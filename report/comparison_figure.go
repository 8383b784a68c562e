package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"twinview/experiment"
)

// Dashes and glyphs have different cycles from the colours, so that two experiments never look the same in all three.
var (
	comparedDashes = [][]vg.Length{nil, {5, 2}, {5, 1.5, 1, 1.5}}
	comparedGlyphs = []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{},
		draw.CrossGlyph{},
	}
)

// comparedStyle is the style of an experiment's curves, by its number in the comparison.
func comparedStyle(i int) curveStyle {
	return curveStyle{
		classColors[i%len(classColors)], comparedDashes[i%len(comparedDashes)], comparedGlyphs[i%len(comparedGlyphs)],
	}
}

// comparedFigures overlays the curves of all experiments, in reading order, without those that nobody has come to.
func comparedFigures(all []Compared) []figure {
	figures := lossFigures(all)
	figures = append(figures,
		overlay(all, figure{
			file: "pretrain-knn", title: "kNN accuracy during pretraining", yLabel: percentLabel, percent: true,
			Caption: "On the validation split. It selects the epoch.",
		}, knnPoints),
		overlay(all, figure{
			file: "linear-accuracy", title: "Linear evaluation: accuracy", yLabel: percentLabel, percent: true,
			Caption: "On the validation split.",
		}, accuracyPoints(func(r *experiment.Result) []experiment.ClassifierEpoch { return r.Linear.Epochs })),
		overlay(all, figure{
			file: "linear-augmented-accuracy", title: "Linear evaluation with augmentation: accuracy", yLabel: percentLabel, percent: true,
			Caption: "On the validation split.",
		}, accuracyPoints(augmentedEpochs)),
		overlay(all, figure{
			file: "finetune-accuracy", title: "Fine-tuning: accuracy", yLabel: percentLabel, percent: true,
			Caption: "On the validation split.",
		}, accuracyPoints(finetuneEpochs)),
		overlay(all, figure{
			file: "finetune-loss", title: "Fine-tuning: loss", yLabel: "loss (nats)", Caption: "Cross-entropy on the validation split.",
		}, func(r *experiment.Result) (points plotter.XYs) {
			for _, e := range finetuneEpochs(r) {
				points = append(points, plotter.XY{X: float64(e.Epoch), Y: e.ValidationLoss})
			}
			return points
		}),
	)
	var drawn []figure
	for _, f := range figures {
		if f.epochs > 0 {
			drawn = append(drawn, f)
		}
	}
	return drawn
}

func finetuneEpochs(r *experiment.Result) []experiment.ClassifierEpoch { return r.Finetune.Epochs }

func augmentedEpochs(r *experiment.Result) []experiment.ClassifierEpoch {
	if r.LinearAugmented == nil {
		return nil
	}
	return r.LinearAugmented.Epochs
}

// lossFigures has one for each method: losses of different methods can't be compared.
func lossFigures(all []Compared) []figure {
	var methods []string
	of := map[string][]Compared{}
	for i, e := range all {
		method := e.Spec.Method.Name
		if of[method] == nil {
			methods = append(methods, method)
			of[method] = make([]Compared, len(all))
		}
		of[method][i] = e
	}
	var figures []figure
	for _, method := range methods {
		f := figure{
			file: "pretrain-loss", title: "Pretraining loss", yLabel: "loss (nats)",
			Caption: "Mean over the steps of an epoch, on augmented views. It depends on batch size, views and temperature too.",
		}
		if method == experiment.BarlowTwins {
			f.yLabel = "loss"
		}
		if len(methods) > 1 {
			f.file += "-" + strings.ReplaceAll(method, "_", "-")
			f.title += ": " + methodTitle(method)
		}
		figures = append(figures, overlay(of[method], f, lossPoints))
	}
	return figures
}

// overlay adds a curve of each experiment that has one.
func overlay(all []Compared, f figure, points func(*experiment.Result) plotter.XYs) figure {
	for i := range all {
		var finite plotter.XYs
		for _, p := range points(&all[i].Result) {
			if !math.IsNaN(p.Y) && !math.IsInf(p.Y, 0) {
				finite = append(finite, p)
				f.epochs = max(f.epochs, int(p.X))
			}
		}
		f.curves = append(f.curves, curve{all[i].Name, comparedStyle(i), finite})
	}
	return f
}

func lossPoints(r *experiment.Result) (points plotter.XYs) {
	for _, e := range r.Pretrain {
		if e.Epoch > 0 {
			points = append(points, plotter.XY{X: float64(e.Epoch), Y: e.Loss})
		}
	}
	return points
}

func knnPoints(r *experiment.Result) (points plotter.XYs) {
	for _, e := range r.Pretrain {
		if e.KNN != nil && e.Epoch > 0 {
			points = append(points, plotter.XY{X: float64(e.Epoch), Y: 100 * *e.KNN})
		}
	}
	return points
}

func accuracyPoints(epochs func(*experiment.Result) []experiment.ClassifierEpoch) func(*experiment.Result) plotter.XYs {
	return func(r *experiment.Result) (points plotter.XYs) {
		for _, e := range epochs(r) {
			points = append(points, plotter.XY{X: float64(e.Epoch), Y: 100 * e.ValidationAccuracy})
		}
		return points
	}
}

// ComparisonPlots draws the curves of all experiments over each other, as SVG and PNG files, by file name.
func ComparisonPlots(all []Compared) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, f := range comparedFigures(all) {
		var err error
		if files[f.file+".svg"], err = drawSVG(f); err != nil {
			return nil, fmt.Errorf("draw %s.svg: %w", f.file, err)
		}
		if files[f.file+".png"], err = drawPNG(f); err != nil {
			return nil, fmt.Errorf("draw %s.png: %w", f.file, err)
		}
	}
	return files, nil
}
