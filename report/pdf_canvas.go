package report

import (
	"image"
	"image/color"
	"math"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pdfCanvas draws a figure into a page of a document in points: what vgpdf does for a document of its own. Text is written in
// the document's font, which is the one that the figures are measured with.
type pdfCanvas struct {
	doc        *fpdf.Fpdf
	width      vg.Length
	height     vg.Length
	pageHeight float64
	// state is what a Pop brings back; the document itself would go on to believe what was set after the Push.
	state []pdfState
}

type pdfState struct {
	color color.Color
	line  vg.Length
}

// drawPDF puts the drawing at x, y, from the top left of the page, scaled to the width. It returns the height.
func drawPDF(doc *fpdf.Fpdf, d drawing, x, y, width float64) (height float64, err error) {
	w, h := d.size()
	scale := width / w.Points()
	height = h.Points() * scale
	_, pageHeight := doc.GetPageSize()
	c := &pdfCanvas{doc: doc, width: w, height: h, pageHeight: pageHeight, state: make([]pdfState, 1)}
	doc.TransformBegin()
	// A PDF's own coordinates begin at the bottom left, as those of figures do.
	doc.Transform(fpdf.TransformMatrix{A: scale, D: scale, E: x, F: pageHeight - y - height})
	vg.Initialize(c)
	err = paint(d, c)
	doc.TransformEnd()
	doc.SetDashPattern(nil, 0)
	return height, err
}

func (c *pdfCanvas) Size() (width, height vg.Length) { return c.width, c.height }

func (c *pdfCanvas) current() *pdfState { return &c.state[len(c.state)-1] }

func (c *pdfCanvas) SetLineWidth(w vg.Length) {
	c.current().line = w
	c.doc.SetLineWidth(w.Points())
}

func (c *pdfCanvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	var dashes []float64
	for _, d := range pattern {
		dashes = append(dashes, d.Points())
	}
	c.doc.SetDashPattern(dashes, offset.Points())
}

func (c *pdfCanvas) SetColor(ink color.Color) {
	if ink == nil {
		ink = color.Black
	}
	c.current().color = ink
	n := color.NRGBAModel.Convert(ink).(color.NRGBA)
	c.doc.SetFillColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetDrawColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetTextColor(int(n.R), int(n.G), int(n.B))
}

func (c *pdfCanvas) Rotate(radians float64) {
	sin, cos := math.Sincos(radians)
	c.doc.Transform(fpdf.TransformMatrix{A: cos, B: sin, C: -sin, D: cos})
}

func (c *pdfCanvas) Translate(by vg.Point) {
	c.doc.Transform(fpdf.TransformMatrix{A: 1, D: 1, E: by.X.Points(), F: by.Y.Points()})
}

func (c *pdfCanvas) Scale(x, y float64) { c.doc.Transform(fpdf.TransformMatrix{A: x, D: y}) }

func (c *pdfCanvas) Push() {
	c.state = append(c.state, *c.current())
	c.doc.TransformBegin()
}

func (c *pdfCanvas) Pop() {
	c.doc.TransformEnd()
	c.state = c.state[:len(c.state)-1]
	c.SetColor(c.current().color)
	c.SetLineWidth(c.current().line)
	size, _ := c.doc.GetFontSize()
	c.doc.SetFontSize(size)
}

func (c *pdfCanvas) Stroke(p vg.Path) {
	if c.current().line > 0 {
		c.path(p)
		c.doc.DrawPath("D")
	}
}

func (c *pdfCanvas) Fill(p vg.Path) {
	c.path(p)
	c.doc.DrawPath("F")
}

func (c *pdfCanvas) path(p vg.Path) {
	for _, part := range p {
		x, y := c.at(part.Pos)
		switch part.Type {
		case vg.MoveComp:
			c.doc.MoveTo(x, y)
		case vg.LineComp:
			c.doc.LineTo(x, y)
		case vg.ArcComp:
			const degrees = 180 / math.Pi
			radius := part.Radius.Points()
			start := part.Start * degrees
			c.doc.ArcTo(x, y, radius, radius, 0, start, start+part.Angle*degrees)
		case vg.CurveComp:
			first := part.Control[0]
			x1, y1 := c.at(first)
			if len(part.Control) == 1 {
				c.doc.CurveTo(x1, y1, x, y)
				continue
			}
			x2, y2 := c.at(part.Control[1])
			c.doc.CurveBezierCubicTo(x1, y1, x2, y2, x, y)
		case vg.CloseComp:
			c.doc.ClosePath()
		}
	}
}

// at is a point in the document's coordinates, which begin at the top left.
func (c *pdfCanvas) at(p vg.Point) (x, y float64) { return p.X.Points(), c.pageHeight - p.Y.Points() }

func (c *pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	style := ""
	if f.Font.Weight == xfont.WeightBold {
		style = "B"
	}
	c.doc.SetFont(fontSans, style, f.Font.Size.Points())
	x, y := c.at(at)
	c.doc.Text(x, y, printable(text))
}

// DrawImage is there for the interface: no figure holds an image.
func (c *pdfCanvas) DrawImage(vg.Rectangle, image.Image) {
	c.doc.SetErrorf("draw a figure: images are not supported")
}
