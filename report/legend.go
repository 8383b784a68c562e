package report

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// legendWidth is the room for a row of the legend.
const legendWidth = figureWidth - 2*margin

// Distances in the legend: between a thumbnail and its text, and from there to the next thumbnail.
const (
	legendGap  vg.Length = 4
	legendNext vg.Length = 12
)

// legendEntry is a curve's name, or the selected epoch, which has no thumbnail.
type legendEntry struct {
	label string
	curve *curve
	// x and row are where it begins.
	x   vg.Length
	row int
}

// legend places the entries in rows from left to right.
func (f figure) legend() []legendEntry {
	var entries []legendEntry
	for i, curve := range f.curves {
		if len(curve.points) > 0 {
			entries = append(entries, legendEntry{label: fitting(style(textSize, colorInk), curve.label, legendWidth-thumbnail-legendGap), curve: &f.curves[i]})
		}
	}
	if f.selected > 0 {
		entries = append(entries, legendEntry{label: fmt.Sprintf("selected: epoch %d", f.selected)})
	}
	var x vg.Length
	row := 0
	for i := range entries {
		e := &entries[i]
		width := legendGap + style(textSize, colorInk).Width(e.label)
		if e.curve != nil {
			width += thumbnail
		}
		if x > 0 && x+width > legendWidth {
			x, row = 0, row+1
		}
		e.x, e.row = x, row
		x += width + legendNext
	}
	return entries
}

// fitting shortens a label that needs more room than there is.
func fitting(s draw.TextStyle, label string, room vg.Length) string {
	runes := []rune(label)
	for n := len(runes); n > 0 && s.Width(label) > room; n-- {
		label = string(runes[:n-1]) + "…"
	}
	return label
}

// legendRows is how many rows the legend has, at least one.
func (f figure) legendRows() int {
	entries := f.legend()
	if len(entries) == 0 {
		return 1
	}
	return entries[len(entries)-1].row + 1
}

// drawLegend draws the curves' names at the top of c, where they hide no data.
func (f figure) drawLegend(c draw.Canvas) {
	for _, e := range f.legend() {
		x, middle := c.Min.X+e.x, c.Max.Y-legendHeight/2-vg.Length(e.row)*legendHeight
		if e.curve == nil {
			c.StrokeLine2(selectedStyle, x+2, middle-5, x+2, middle+5)
			drawLegendText(c, x+4+legendGap, middle, e.label)
			continue
		}
		c.StrokeLine2(e.curve.style.line(), x, middle, x+thumbnail, middle)
		c.DrawGlyph(e.curve.style.glyphStyle(), vg.Point{X: x + thumbnail/2, Y: middle})
		drawLegendText(c, x+thumbnail+legendGap, middle, e.label)
	}
}

func drawLegendText(c draw.Canvas, x, middle vg.Length, label string) {
	s := style(textSize, colorInk)
	s.YAlign = draw.YCenter
	c.FillText(s, vg.Point{X: x, Y: middle}, label)
}
