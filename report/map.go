package report

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of the map in points.
const (
	mapWidth    vg.Length = 460
	mapHeight   vg.Length = 350
	mapLegend   vg.Length = 92
	mapRadius   vg.Length = 1.7
	legendLine  vg.Length = 17
	legendGlyph vg.Length = 3.2
)

// mapFigure draws test images as points, one colour and glyph per class as far as they last.
type mapFigure struct {
	of      *Map
	classes []string
}

func (m *mapFigure) name() string    { return "test-map" }
func (m *mapFigure) heading() string { return "Map of test images" }

func (m *mapFigure) Note() string {
	coloured := ""
	if n := len(m.shown()); n < len(m.classes) {
		coloured = fmt.Sprintf(" Of %d classes, %d have a colour of their own.", len(m.classes), n)
	}
	return fmt.Sprintf("%s test images by %s. Neighbours on the map are neighbours in the representation; distances between "+
		"groups and the axes mean little.%s", count(len(m.of.Class)), m.of.Method, coloured)
}

// shown are the classes with a colour of their own: all, or as many as there are colours, spread evenly over the list.
func (m *mapFigure) shown() []int {
	n := min(len(m.classes), len(classColors))
	shown := make([]int, n)
	for k := range shown {
		shown[k] = k * len(m.classes) / n
	}
	return shown
}

func (m *mapFigure) size() (width, height vg.Length) { return mapWidth, mapHeight }

func (m *mapFigure) draw(page draw.Canvas) error {
	inner := draw.Crop(page, margin, -margin, margin, -margin)
	drawTitle(inner, m.heading())
	m.drawLegend(draw.Crop(inner, inner.Max.X-inner.Min.X-mapLegend, 0, 0, -titleHeight))

	p := plot.New()
	p.BackgroundColor = nil
	p.HideAxes()
	shown := m.shown()
	others := plotter.Scatter{GlyphStyle: draw.GlyphStyle{Color: colorGrid, Radius: mapRadius, Shape: draw.CircleGlyph{}}}
	points := make([]plotter.XYs, len(shown))
	for i, class := range m.of.Class {
		at := plotter.XY{X: m.of.X[i], Y: m.of.Y[i]}
		if k := slices.Index(shown, class); k >= 0 {
			points[k] = append(points[k], at)
		} else {
			others.XYs = append(others.XYs, at)
		}
	}
	if len(shown) == 0 {
		others.Color = colorTrain // no labels: all are alike
	}
	if len(others.XYs) > 0 {
		p.Add(&others)
	}
	for k := range points {
		if len(points[k]) > 0 {
			p.Add(&plotter.Scatter{XYs: points[k], GlyphStyle: classGlyph(k, mapRadius)})
		}
	}
	p.X.Min, p.X.Max = spread(m.of.X)
	p.Y.Min, p.Y.Max = spread(m.of.Y)
	p.Draw(draw.Crop(inner, 0, -mapLegend-margin, 0, -titleHeight))
	return nil
}

// drawLegend lists the classes from the top of c.
func (m *mapFigure) drawLegend(c draw.Canvas) {
	for i, class := range m.shown() {
		name := shortName(m.classes[class])
		at := vg.Point{X: c.Min.X + 6, Y: c.Max.Y - 12 - vg.Length(i)*legendLine}
		c.DrawGlyph(classGlyph(i, legendGlyph), at)
		s := style(textSize, colorInk)
		s.YAlign = draw.YCenter
		c.FillText(s, vg.Point{X: at.X + 9, Y: at.Y}, name)
	}
}

// shortName leaves a long name room beside the map.
func shortName(name string) string {
	const most = 16
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}

// classGlyph keeps classes apart by form too.
func classGlyph(class int, radius vg.Length) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
	return draw.GlyphStyle{
		Color: classColors[class%len(classColors)], Radius: radius, Shape: shapes[class%len(shapes)],
	}
}

// spread is the range of the values with some air around.
func spread(values []float64) (low, high float64) {
	low, high = slices.Min(values), slices.Max(values)
	air := max(0.03*(high-low), 1e-6)
	return low - air, high + air
}
