package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours of the plots, on white.
var (
	colorPaper      = rgb(0xFFFFFF)
	colorInk        = rgb(0x1F2328)
	colorMuted      = rgb(0x59636E)
	colorGrid       = rgb(0xD9DEE4)
	colorTrain      = rgb(0x0072B2)
	colorValidation = rgb(0xD55E00)
	colorTest       = rgb(0x009E73)
)

// classColors are those of Petroff 2021 ("Accessible color sequences for data visualization") for ten classes.
var classColors = [...]color.NRGBA{
	rgb(0x3F90DA), rgb(0xFFA90E), rgb(0xBD1F01), rgb(0x94A4A2), rgb(0x832DB6),
	rgb(0xA96B59), rgb(0xE76300), rgb(0xB9AC70), rgb(0x717581), rgb(0x92DADD),
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// cssHex is the colour as vgsvg writes it.
func cssHex(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }

// Sizes in points. A figure is as wide as a phone's screen, so that its text can be read there.
const (
	figureWidth  vg.Length = 360
	figureHeight vg.Length = 230
	margin       vg.Length = 6
	titleHeight  vg.Length = 18
	legendHeight vg.Length = 20
	textSize     vg.Length = 9.5
	titleSize    vg.Length = 11
	lineWidth    vg.Length = 1.6
	glyphRadius  vg.Length = 2.4
	thumbnail    vg.Length = 22
)

// glyphsPerCurve bounds the glyphs on a curve; more would run into each other.
const glyphsPerCurve = 16

// drawing is a picture of the report, on any canvas of its size.
type drawing interface {
	// name is the base name of its files.
	name() string
	heading() string
	size() (width, height vg.Length)
	draw(on draw.Canvas) error
}

// pngDPI makes a figure sharp where it is as wide as a page's column.
const pngDPI = 216

// drawSVG is the drawing as an SVG document on white.
func drawSVG(d drawing) ([]byte, error) {
	canvas := vgsvg.New(d.size())
	if err := paint(d, canvas); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	// The font that the layout is measured with may be missing where the picture is seen; these have the same widths.
	const family = "font-family:Liberation Sans"
	return bytes.ReplaceAll(out.Bytes(), []byte(family), []byte(family+",Arimo,Arial,Helvetica,sans-serif")), nil
}

// drawPNG is the drawing as a PNG file on white.
func drawPNG(d drawing) ([]byte, error) {
	width, height := d.size()
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI))
	if err := paint(d, canvas); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func paint(d drawing, canvas vg.CanvasSizer) error {
	page := draw.New(canvas)
	page.SetColor(colorPaper)
	page.Fill(page.Rectangle.Path())
	return d.draw(page)
}

func (f figure) name() string    { return f.file }
func (f figure) heading() string { return f.title }

// size grows with the legend, so that the plot itself stays as large.
func (f figure) size() (width, height vg.Length) {
	return figureWidth, figureHeight + vg.Length(f.legendRows()-1)*legendHeight
}

func (f figure) draw(page draw.Canvas) error {
	inner := draw.Crop(page, margin, -2*margin, margin, -margin)
	drawTitle(inner, f.title)
	f.drawLegend(draw.Crop(inner, 0, 0, 0, -titleHeight))

	p, err := f.plot()
	if err != nil {
		return err
	}
	p.Draw(draw.Crop(inner, 0, 0, 0, -titleHeight-vg.Length(f.legendRows())*legendHeight))
	return nil
}

// drawTitle writes at the top left of c.
func drawTitle(c draw.Canvas, text string) {
	title := style(titleSize, colorInk)
	title.Font.Weight = xfont.WeightBold
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, text)
}

func style(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		Color:   c,
		Handler: plot.DefaultTextHandler,
	}
}

// plot is the figure below its legend.
func (f figure) plot() (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil
	f.styleAxes(p)
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal = draw.LineStyle{Color: colorGrid, Width: 0.7}
	p.Add(grid)
	if f.selected > 0 {
		p.Add(verticalLine(f.selected))
	}
	for _, c := range f.curves {
		if len(c.points) == 0 {
			continue
		}
		line, err := plotter.NewLine(c.points)
		if err != nil {
			return nil, err
		}
		line.LineStyle = c.style.line()
		p.Add(line, &plotter.Scatter{XYs: thin(c.points), GlyphStyle: c.style.glyphStyle()})
	}
	p.X.Min, p.X.Max = epochRange(f.epochs)
	p.Y.Min, p.Y.Max = f.valueRange()
	return p, nil
}

// thin keeps at most glyphsPerCurve points, the first and the last among them, at equal distances.
func thin(points plotter.XYs) plotter.XYs {
	if len(points) <= glyphsPerCurve {
		return points
	}
	kept := make(plotter.XYs, glyphsPerCurve)
	for i := range kept {
		kept[i] = points[i*(len(points)-1)/(glyphsPerCurve-1)]
	}
	return kept
}

func (f figure) styleAxes(p *plot.Plot) {
	p.X.Label.Text, p.Y.Label.Text = "epoch", f.yLabel
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(epochTicks), plot.TickerFunc(valueTicks)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		label := style(textSize, colorMuted)
		label.XAlign, label.YAlign = a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
		label.Rotation = a.Label.TextStyle.Rotation
		a.Label.TextStyle = label
		a.Label.Padding = 3
		tick := style(textSize, colorMuted)
		tick.XAlign, tick.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = tick
		a.Padding = 4
		a.Tick.LineStyle = draw.LineStyle{Color: colorMuted, Width: 0.7}
		a.Tick.Length = 3
		a.LineStyle = draw.LineStyle{Color: colorMuted, Width: 0.7}
	}
	// The grid does the y axis's work.
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
}

// epochRange leaves a single epoch some room on both sides.
func epochRange(epochs int) (low, high float64) {
	if epochs <= 1 {
		return 0.5, 1.5
	}
	return 1, float64(epochs)
}

// valueRange is that of the values with some air around. Nothing that is drawn can be negative, or more than 100 %.
func (f figure) valueRange() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, c := range f.curves {
		for _, p := range c.points {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
	if low > high {
		return 0, 1
	}
	air := 0.08 * (high - low)
	if f.fromZero {
		low, air = 0, 0.08*high
	}
	if air == 0 {
		air = max(0.1*math.Abs(high), 1e-9)
	}
	if f.percent {
		return max(0, low-air), min(100, high+air)
	}
	return max(0, low-air), high + air
}

func (s curveStyle) line() draw.LineStyle {
	return draw.LineStyle{Color: s.color, Width: lineWidth, Dashes: s.dashes}
}

func (s curveStyle) glyphStyle() draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.color, Radius: glyphRadius, Shape: s.glyph}
}

// verticalLine marks the selected epoch.
type verticalLine int

var selectedStyle = draw.LineStyle{Color: colorMuted, Width: 0.9, Dashes: []vg.Length{1.5, 2}}

func (epoch verticalLine) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	c.StrokeLine2(selectedStyle, x(float64(epoch)), c.Min.Y, x(float64(epoch)), c.Max.Y)
}

// inline is an SVG document as part of a web page: without XML declaration and fixed size, in the page's colours, and with a
// name for those who can't see it.
func inline(svg []byte, d drawing) string {
	s := string(svg)
	width, height := d.size()
	s = s[strings.Index(s, "<svg"):]
	_, body, _ := strings.Cut(s, ">")
	return fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height,
		html.EscapeString(d.heading())) + cssColors.Replace(body)
}

// cssColors maps the plots' colours to the page's variables.
var cssColors = strings.NewReplacer(cssVariables()...)

func cssVariables() []string {
	pairs := []string{
		cssHex(colorPaper), "var(--card)", cssHex(colorInk), "var(--ink)", cssHex(colorMuted), "var(--muted)",
		cssHex(colorGrid), "var(--grid)", cssHex(colorTrain), "var(--train)", cssHex(colorValidation), "var(--validation)",
		cssHex(colorTest), "var(--test)",
	}
	for i, c := range classColors {
		pairs = append(pairs, cssHex(c), fmt.Sprintf("var(--class-%d)", i))
	}
	return pairs
}
