package report

import (
	"fmt"
	"image"

	xdraw "golang.org/x/image/draw"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of a sheet of neighbours in points.
const (
	sheetPicture vg.Length = 64
	sheetCell    vg.Length = 74
	sheetGap     vg.Length = 14
	sheetLine    vg.Length = 96
	// sheetColumns are the neighbours beside each other; more go on below.
	sheetColumns = 10
	// sheetLinesMost bounds a sheet's height, to what viewers still open.
	sheetLinesMost = 100
)

// NeighbourSheet is a picture of images with the training images that an encoder takes for most like them.
type NeighbourSheet struct {
	Title string
	Rows  []SheetRow
}

// SheetRow is an image with its neighbours.
type SheetRow struct {
	Query image.Image
	// Name and Vote stand below the image; Vote is empty where there are no labels.
	Name, Vote string
	// Nearest are the neighbours, nearest first.
	Nearest []SheetNeighbour
}

// SheetNeighbour is a training image; Label is what it is called.
type SheetNeighbour struct {
	Image      image.Image
	Label      string
	Similarity float64
}

// PNG draws the sheet. Pixels stay squares, as images of 32×32 pixels would else be a blur.
func (s *NeighbourSheet) PNG() ([]byte, error) {
	if lines := s.lines(); lines > sheetLinesMost {
		return nil, fmt.Errorf("these images and neighbours take %d lines, and a sheet has at most %d: ask for fewer",
			lines, sheetLinesMost)
	}
	return drawPNG(s)
}

func (s *NeighbourSheet) lines() int {
	lines := 0
	for _, row := range s.Rows {
		lines += row.lines()
	}
	return lines
}

func (r *SheetRow) lines() int { return max(1, (len(r.Nearest)+sheetColumns-1)/sheetColumns) }

func (s *NeighbourSheet) name() string    { return "neighbours" }
func (s *NeighbourSheet) heading() string { return s.Title }

func (s *NeighbourSheet) size() (width, height vg.Length) {
	columns := 0
	for _, row := range s.Rows {
		columns = max(columns, min(len(row.Nearest), sheetColumns))
	}
	// The title needs some room even beside a single neighbour.
	width = max(figureWidth, 2*margin+sheetCell+sheetGap+vg.Length(columns)*sheetCell)
	return width, 2*margin + titleHeight + vg.Length(s.lines())*sheetLine
}

func (s *NeighbourSheet) draw(page draw.Canvas) error {
	inner := draw.Crop(page, margin, -margin, margin, -margin)
	drawTitle(inner, s.Title)
	top := inner.Max.Y - titleHeight
	for _, row := range s.Rows {
		drawSheetCell(inner, vg.Point{X: inner.Min.X, Y: top}, row.Query, row.Name, row.Vote)
		for i, n := range row.Nearest {
			at := vg.Point{
				X: inner.Min.X + sheetCell + sheetGap + vg.Length(i%sheetColumns)*sheetCell,
				Y: top - vg.Length(i/sheetColumns)*sheetLine,
			}
			drawSheetCell(inner, at, n.Image, n.Label, fmt.Sprintf("%.3f", n.Similarity))
		}
		top -= vg.Length(row.lines()) * sheetLine
	}
	return nil
}

// drawSheetCell draws an image with two lines below it; at is the top left.
func drawSheetCell(c draw.Canvas, at vg.Point, m image.Image, first, second string) {
	side := int(sheetPicture.Dots(pngDPI) + 0.5)
	large := image.NewNRGBA(image.Rect(0, 0, side, side))
	xdraw.NearestNeighbor.Scale(large, large.Bounds(), m, m.Bounds(), xdraw.Src, nil)
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: at.X, Y: at.Y - sheetPicture}, Max: vg.Point{X: at.X + sheetPicture, Y: at.Y},
	}, large)
	label, value := style(textSize, colorInk), style(textSize, colorMuted)
	label.YAlign, value.YAlign = draw.YTop, draw.YTop
	c.FillText(label, vg.Point{X: at.X, Y: at.Y - sheetPicture - 3}, fitting(label, first, sheetCell-4))
	c.FillText(value, vg.Point{X: at.X, Y: at.Y - sheetPicture - 15}, fitting(value, second, sheetCell-4))
}
