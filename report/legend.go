package report

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawLegend draws the curves' names in a row at the top of c, where they hide no data.
func (f figure) drawLegend(c draw.Canvas) {
	x, middle := c.Min.X, c.Max.Y-legendHeight/2
	for _, curve := range f.curves {
		if len(curve.points) == 0 {
			continue
		}
		c.StrokeLine2(curve.style.line(), x, middle, x+thumbnail, middle)
		c.DrawGlyph(curve.style.glyphStyle(), vg.Point{X: x + thumbnail/2, Y: middle})
		x = f.drawLegendText(c, x+thumbnail, middle, curve.label)
	}
	if f.selected > 0 {
		c.StrokeLine2(selectedStyle, x+2, middle-5, x+2, middle+5)
		f.drawLegendText(c, x+4, middle, fmt.Sprintf("selected: epoch %d", f.selected))
	}
}

// drawLegendText writes beside a thumbnail and returns where the next one begins.
func (f figure) drawLegendText(c draw.Canvas, x, middle vg.Length, label string) vg.Length {
	s := style(textSize, colorInk)
	s.YAlign = draw.YCenter
	x += 4
	c.FillText(s, vg.Point{X: x, Y: middle}, label)
	return x + s.Width(label) + 12
}
