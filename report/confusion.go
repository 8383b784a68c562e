package report

import (
	"fmt"
	"slices"
	"strings"

	"twinview/experiment"
)

// confusion is a confusion matrix in percent of the images of each true class.
type confusion struct {
	Title   string
	Classes []string
	Rows    []confusionRow
	// Most names the pairs of classes that are confused most.
	Most string
}

type confusionRow struct {
	Class string
	// Cells are percentages of the row.
	Cells []confusionCell
}

type confusionCell struct {
	Percent int
	Right   bool
	Title   string
}

// confusions are those that the result has.
func confusions(r *experiment.Result) []confusion {
	var all []confusion
	for _, c := range []struct {
		title  string
		counts [][]int
	}{{"Linear evaluation", r.Test.LinearConfusion}, {"Fine-tuning", r.Test.FinetuneConfusion}} {
		if len(c.counts) > 0 {
			all = append(all, newConfusion(c.title, c.counts, r.Data.Classes))
		}
	}
	return all
}

func newConfusion(title string, counts [][]int, classes []string) confusion {
	c := confusion{Title: title, Classes: classes, Most: mostConfused(counts, classes)}
	for i, row := range counts {
		out := confusionRow{Class: classes[i]}
		for j, n := range row {
			out.Cells = append(out.Cells, confusionCell{
				Percent: int(100*share(row, j) + 0.5), Right: i == j,
				Title: fmt.Sprintf("%d of %d images of %s called %s", n, total(row), classes[i], classes[j]),
			})
		}
		c.Rows = append(c.Rows, out)
	}
	return c
}

// mostConfused names the three pairs with the greatest shares.
func mostConfused(counts [][]int, classes []string) string {
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
		x, y := share(counts[a.is], a.called), share(counts[b.is], b.called)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	var said []string
	for _, p := range pairs[:min(3, len(pairs))] {
		said = append(said, fmt.Sprintf("%s for %s (%.0f %%)", classes[p.is], classes[p.called],
			100*share(counts[p.is], p.called)))
	}
	return "Most often taken for another class: " + strings.Join(said, ", ") + "."
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
