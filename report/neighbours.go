package report

import "fmt"

// neighbourRow is a test image with its nearest training images.
type neighbourRow struct {
	PNG       []byte
	Class     string
	Predicted string
	Right     bool
	Nearest   []neighbourCell
}

type neighbourCell struct {
	PNG        []byte
	Class      string
	Right      bool
	Similarity string
}

func neighbourRows(e *Exhibits, classes []string) []neighbourRow {
	if e == nil {
		return nil
	}
	if len(classes) == 0 {
		classes = []string{""} // no labels, no names
	}
	var rows []neighbourRow
	for _, x := range e.Neighbours {
		row := neighbourRow{
			PNG: x.PNG, Class: classes[x.Class], Predicted: classes[x.Predicted], Right: x.Class == x.Predicted,
		}
		for _, n := range x.Nearest {
			row.Nearest = append(row.Nearest, neighbourCell{
				PNG: n.PNG, Class: classes[n.Class], Right: n.Class == x.Class, Similarity: fmt.Sprintf("%.2f", n.Similarity),
			})
		}
		rows = append(rows, row)
	}
	return rows
}
