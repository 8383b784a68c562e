package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"twinview/experiment"
)

//go:embed comparison.html.tmpl
var comparisonText string

var comparisonTemplate = template.Must(template.New("comparison").Funcs(template.FuncMap{
	"vector": vector, "bar": bar, "value": DifferenceText, "whole": experiment.Text, "loss": lastLoss, "title": methodTitle,
	"class": func(i int) int { return i % len(classColors) },
}).Parse(comparisonText))

// comparisonPage is what the page of a comparison says.
type comparisonPage struct {
	Comparison
	Rows    []scoreRow
	Figures []figure
	Note    string
	// Style is our own.
	Style template.CSS
}

// ComparisonHTML writes a comparison as one page that loads nothing from anywhere.
func ComparisonHTML(all []Compared) ([]byte, error) {
	c := Compare(all)
	var out bytes.Buffer
	err := comparisonTemplate.Execute(&out, comparisonPage{
		Comparison: c, Rows: scoreRows(c), Figures: comparedFigures(all), Note: comparisonNote, Style: template.CSS(styleSheet),
	})
	if err != nil {
		return nil, fmt.Errorf("write comparison: %w", err)
	}
	return out.Bytes(), nil
}

// scoreCell is a score as the page has it. Positions are in percent of the axis from 0 to 100 % accuracy.
type scoreCell struct {
	Value, Note    string
	At             float64
	LowAt, WidthAt float64
	HasInterval    bool
}

func bar(s *Score) scoreCell {
	cell := scoreCell{Value: percent(s.Accuracy), At: 100 * s.Accuracy}
	if s.Interval == nil {
		cell.Note = fmt.Sprintf("%s, best so far, epoch %d", s.Split, s.Epoch)
		return cell
	}
	cell.HasInterval, cell.LowAt, cell.WidthAt = true, 100*s.Interval.Low, 100*(s.Interval.High-s.Interval.Low)
	cell.Note = fmt.Sprintf("%.1f – %.1f %%, epoch %d", 100*s.Interval.Low, 100*s.Interval.High, s.Epoch)
	return cell
}
