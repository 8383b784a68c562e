package report

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"slices"
	"strings"

	"twinview/experiment"
)

// numbersMost is the most classes whose matrix is a table of numbers. One of more is a picture.
const numbersMost = 20

// confusion is a confusion matrix in percent of the images of each true class.
type confusion struct {
	Title   string
	Classes []string
	Rows    []confusionRow
	// Most names the pairs of classes that are confused most, Extremes the classes that are recognised best and worst; it is
	// empty where the table says so.
	Most, Extremes string
	// Picture is a PNG file of a crowded matrix, nil of another.
	Picture []byte
}

type confusionRow struct {
	Class string
	// Cells are percentages of the row.
	Cells []confusionCell
}

type confusionCell struct {
	Percent int
	// Share is the fraction that Percent rounds.
	Share float64
	Right bool
	Title string
}

// Crowded says that there are too many classes for a table of numbers.
func (c confusion) Crowded() bool { return len(c.Classes) > numbersMost }

// below is what stands below the matrix.
func (c confusion) below() string { return strings.TrimSpace(c.Most + " " + c.Extremes) }

// confusions are those that the result has.
func confusions(r *experiment.Result) ([]confusion, error) {
	var all []confusion
	for _, c := range []struct {
		title  string
		counts [][]int
	}{{"Linear evaluation", r.Test.LinearConfusion}, {"Fine-tuning", r.Test.FinetuneConfusion}} {
		if len(c.counts) == 0 {
			continue
		}
		drawn, err := newConfusion(c.title, c.counts, r.Data.Classes)
		if err != nil {
			return nil, fmt.Errorf("draw the confusions of %s: %w", c.title, err)
		}
		all = append(all, drawn)
	}
	return all, nil
}

func newConfusion(title string, counts [][]int, classes []string) (confusion, error) {
	c := confusion{Title: title, Classes: classes}
	for i, row := range counts {
		out := confusionRow{Class: classes[i]}
		for j, n := range row {
			out.Cells = append(out.Cells, confusionCell{
				Percent: int(100*share(row, j) + 0.5), Share: share(row, j), Right: i == j,
				Title: fmt.Sprintf("%d of %d images of %s called %s", n, total(row), classes[i], classes[j]),
			})
		}
		c.Rows = append(c.Rows, out)
	}
	if !c.Crowded() {
		c.Most = mostConfused(counts, classes, 3)
		return c, nil
	}
	c.Most, c.Extremes = mostConfused(counts, classes, 10), extremes(counts, classes)
	var err error
	c.Picture, err = c.paint()
	return c, err
}

// paint draws a crowded matrix, some pixels for each cell.
func (c confusion) paint() ([]byte, error) {
	const cell = 4
	m := image.NewNRGBA(image.Rect(0, 0, cell*len(c.Rows), cell*len(c.Rows)))
	for i, row := range c.Rows {
		for j, cellOf := range row.Cells {
			at := image.Rect(cell*j, cell*i, cell*(j+1), cell*(i+1))
			draw.Draw(m, at, image.NewUniform(shade(cellOf.Share)), image.Point{}, draw.Src)
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, m)
	return out.Bytes(), err
}

// shade is the colour of a share. Its root brings small ones out: a hundredth gets a tenth of the colour.
func shade(share float64) color.NRGBA { return blend(colorPaper, colorTrain, math.Sqrt(share)) }

// mostConfused names the pairs with the greatest shares.
func mostConfused(counts [][]int, classes []string, shown int) string {
	type pair struct{ is, called int }
	var pairs []pair
	for i, row := range counts {
		for j, n := range row {
			if i != j && n > 0 {
				pairs = append(pairs, pair{i, j})
			}
		}
	}
	if len(pairs) == 0 {
		return "No image was taken for another class."
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return cmp.Compare(share(counts[b.is], b.called), share(counts[a.is], a.called))
	})
	var said []string
	for _, p := range pairs[:min(shown, len(pairs))] {
		said = append(said, fmt.Sprintf("%s for %s (%.0f %%)", classes[p.is], classes[p.called],
			100*share(counts[p.is], p.called)))
	}
	return "Most often taken for another class: " + strings.Join(said, ", ") + "."
}

// extremes names the classes with the greatest and the smallest shares of images that were recognised.
func extremes(counts [][]int, classes []string) string {
	const shown = 5
	var order []int
	for i, row := range counts {
		if total(row) > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(share(counts[b], b), share(counts[a], a)) })
	name := func(of []int) string {
		var said []string
		for _, i := range of {
			said = append(said, fmt.Sprintf("%s (%.0f %%)", classes[i], 100*share(counts[i], i)))
		}
		return strings.Join(said, ", ")
	}
	n := min(shown, len(order))
	worst := slices.Clone(order[len(order)-n:])
	slices.Reverse(worst)
	return fmt.Sprintf("Recognised best: %s. Worst: %s.", name(order[:n]), name(worst))
}

func share(row []int, j int) float64 { return float64(row[j]) / float64(max(1, total(row))) }

func total(row []int) (n int) {
	for _, v := range row {
		n += v
	}
	return n
}

// checkConfusion refuses what is no table of the classes.
func checkConfusion(field string, counts [][]int, classes int) error {
	if counts == nil {
		return nil
	}
	if len(counts) != classes {
		return fmt.Errorf("%s: %d rows for %d classes", field, len(counts), classes)
	}
	for i, row := range counts {
		if len(row) != classes {
			return fmt.Errorf("%s[%d]: %d columns for %d classes", field, i, len(row), classes)
		}
	}
	return nil
}
