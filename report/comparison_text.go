package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"twinview/experiment"
)

// ComparisonSummary prints a comparison as a table for the terminal.
func ComparisonSummary(w io.Writer, c Comparison) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, cell func(i int) string) {
		cells := []string{name}
		for i := range c.Experiments {
			cells = append(cells, cell(i))
		}
		fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t "))
	}
	row("", func(i int) string { return c.Experiments[i].Name })
	row("status", func(i int) string { return c.Experiments[i].Status })
	row("pretraining loss", func(i int) string { return lastLoss(c.Experiments[i]) })
	for _, r := range scoreRows(c) {
		row(r.Name, func(i int) string { return scoreText(r.Scores[i]) })
	}
	if len(c.Differences) > 0 {
		fmt.Fprintln(t) // from here on, columns have widths of their own
		row("what differs", func(i int) string { return c.Experiments[i].Name })
	}
	for _, d := range c.Differences {
		row(d.Path, func(i int) string { return DifferenceText(d.Values[i]) })
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(c.Differences) == 0 {
		fmt.Fprintln(w, "\nThe specs are equal but for their names.")
	}
	_, err := fmt.Fprintf(w, "\n%s\n", comparisonNote)
	return err
}

const comparisonNote = "Accuracies are on the test split, with their 95 % intervals: how far other images might differ, not " +
	"another seed."

// lastLoss is that of the last epoch.
func lastLoss(m ComparedMetrics) string {
	n := len(m.Loss)
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4f in epoch %d", m.Loss[n-1], n)
}

func scoreText(s *Score) string {
	if s == nil {
		return "–"
	}
	return s.text()
}

// differenceMost is how much of a value is shown; sections are long.
const differenceMost = 48

// DifferenceText is a value of a spec in a table's cell.
func DifferenceText(value any) string {
	text := []rune(experiment.Text(value))
	switch {
	case value == nil:
		return "left out"
	case len(text) > differenceMost:
		return string(text[:differenceMost-1]) + "…"
	}
	return string(text)
}
