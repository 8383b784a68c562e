package activities

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"

	"golang.org/x/image/draw"

	"twinview/dataset"
	"twinview/embedding"
	"twinview/experiment"
	"twinview/report"
	"twinview/train"
)

// Numbers of what the report shows of the test split.
const (
	exhibitQueries    = 10
	exhibitNeighbours = 8
	// mapImages bounds the time of the layout, which grows with its square.
	mapImages = 2000
	// pictureMost is the height and width of pictures in pixels.
	pictureMost = 96
)

// exhibit publishes what the report shows of the test images' representations, known and asked being the encoder's outputs
// for the training and the test split. The images are drawn by the seed, whatever comes out for them.
func (a *Activities) exhibit(
	ctx context.Context, in *experiment.EvaluateTestInput, split dataset.Split, known, asked train.Labelled, o train.Options,
) (*experiment.Artifact, error) {
	if len(asked.Labels) == 0 {
		return nil, nil
	}
	// Without labels all images are of one class, which means nothing.
	classes := max(1, len(in.Data.Classes))
	drawn := dataset.Order(in.Spec.Seed, dataset.Exhibiting, 0, len(asked.Labels))
	queries := drawn[:min(exhibitQueries, len(drawn))]
	hoods, err := train.Neighbours(ctx, known, pick(asked, queries), in.Spec.KNN.K, classes, o.Compile)
	if err != nil {
		return nil, err
	}
	var e report.Exhibits
	for i, hood := range hoods {
		shown, err := exhibitOf(split, queries[i], hood)
		if err != nil {
			return nil, err
		}
		e.Neighbours = append(e.Neighbours, shown)
	}
	if e.Map, err = mapOf(ctx, pick(asked, drawn[:min(mapImages, len(drawn))]), o); err != nil {
		return nil, err
	}
	data, err := e.JSON()
	if err != nil {
		return nil, err
	}
	stored, err := put(ctx, a.Store, key(in.Spec.Name, experiment.StageTest, "exhibits.json"), data, typeJSON)
	return &stored, err
}

// pick copies the rows with the given indices.
func pick(l train.Labelled, indices []int) train.Labelled {
	picked := train.Labelled{Dim: l.Dim}
	for _, i := range indices {
		picked.Features = append(picked.Features, l.Features[i*l.Dim:(i+1)*l.Dim]...)
		picked.Labels = append(picked.Labels, l.Labels[i])
	}
	return picked
}

func exhibitOf(split dataset.Split, query int, hood train.Neighbourhood) (report.Exhibit, error) {
	var err error
	e := report.Exhibit{Predicted: int(hood.Predicted)}
	if e.Picture, err = pictureOf(split.Test, query); err != nil {
		return e, err
	}
	for _, n := range hood.Nearest[:min(exhibitNeighbours, len(hood.Nearest))] {
		p, err := pictureOf(split.Train, n.Index)
		if err != nil {
			return e, err
		}
		e.Nearest = append(e.Nearest, report.Neighbour{Picture: p, Similarity: round(n.Similarity)})
	}
	return e, nil
}

func pictureOf(images dataset.Images, i int) (report.Picture, error) {
	var data bytes.Buffer
	if err := png.Encode(&data, forShow(images.Picture(i))); err != nil {
		return report.Picture{}, fmt.Errorf("encode image %d: %w", i, err)
	}
	return report.Picture{Index: i, Class: int(images.Labels[i]), PNG: data.Bytes()}, nil
}

// forShow is a picture no larger than it is shown: reports hold a hundred.
func forShow(m *image.NRGBA) image.Image {
	if m.Bounds().Dx() <= pictureMost {
		return m
	}
	small := image.NewNRGBA(image.Rect(0, 0, pictureMost, pictureMost))
	draw.BiLinear.Scale(small, small.Bounds(), m, m.Bounds(), draw.Src, nil)
	return small
}

// mapOf is nil where there are too few images.
func mapOf(ctx context.Context, shown train.Labelled, o train.Options) (*report.Map, error) {
	n := len(shown.Labels)
	if n < 4 {
		return nil, nil
	}
	points, err := embedding.TSNE(ctx, shown.Features, shown.Dim, func(iteration int) {
		if o.OnStep != nil {
			o.OnStep(experiment.Heartbeat{Stage: experiment.StageTest, Step: iteration + 1, Steps: embedding.Iterations})
		}
	})
	if err != nil {
		return nil, err
	}
	m := &report.Map{Method: fmt.Sprintf("exact t-SNE (van der Maaten and Hinton 2008) of encoder outputs at length 1: "+
		"perplexity %.3g, %d iterations, from the first two principal components",
		embedding.PerplexityOf(n), embedding.Iterations)}
	for i, p := range points {
		m.X = append(m.X, round(p[0]))
		m.Y = append(m.Y, round(p[1]))
		m.Class = append(m.Class, int(shown.Labels[i]))
	}
	return m, nil
}

// round keeps three decimals, which are more than can be seen.
func round(v float64) float64 { return math.Round(1000*v) / 1000 }
