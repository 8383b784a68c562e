package report

import "fmt"

// Sizes of a confusion matrix in points: the room for the names of rows and columns, and for the text below.
const (
	confusionNames = 58.0
	confusionTop   = 58.0
	crowdedTop     = 16.0
	// besideMost is the most classes of which two matrices fit beside each other.
	besideMost = 12
	// confusionSide bounds a matrix that stands alone.
	confusionSide = 360.0
)

func (d *pdfDocument) confusions() {
	all := d.page.Confusions
	if len(all) == 0 {
		return
	}
	n := len(all[0].Classes)
	if n > besideMost {
		d.confusionsBelow(all)
		return
	}
	width := (pdfWidth - pdfGap) / 2
	size := (width - confusionNames) / float64(n)
	high := confusionTop + 4 + float64(n)*size + 3*noteLeading
	d.heading("Which classes are confused", high+2*textLeading)
	d.paragraph(d.page.ConfusionNote())
	y := d.GetY()
	for i, c := range all {
		d.confusion(c, pdfMargin+float64(i%2)*(width+pdfGap), y, width, size)
	}
	d.SetXY(pdfMargin, y+high)
}

// confusionsBelow draws one matrix below the other.
func (d *pdfDocument) confusionsBelow(all []confusion) {
	size := confusionSide / float64(len(all[0].Classes))
	high := confusionTop + confusionSide + 6*noteLeading
	d.heading("Which classes are confused", high+3*textLeading)
	d.paragraph(d.page.ConfusionNote())
	for _, c := range all {
		d.need(high)
		d.confusion(c, pdfMargin, d.GetY(), pdfWidth, size)
		d.SetXY(pdfMargin, d.GetY()+2*noteLeading)
	}
}

// confusion draws a matrix with cells of the given size at x, y. What stands below it is as wide as width.
func (d *pdfDocument) confusion(c confusion, x, y, width, size float64) {
	d.ink(colorInk)
	d.SetFont(fontSans, "B", 9)
	d.Text(x, y+9, c.Title)
	if c.Crowded() {
		d.shades(c, x, y+crowdedTop, size)
		d.SetXY(x, y+crowdedTop+float64(len(c.Rows))*size+4)
	} else {
		d.percentages(c, x, y, size)
		d.SetXY(x, y+confusionTop+float64(len(c.Rows))*size+4)
	}
	d.SetFont(fontSans, "", notePoints-0.5)
	d.ink(colorMuted)
	for _, line := range d.wrap(c.below(), width-4) {
		d.SetX(x)
		d.CellFormat(width, noteLeading-1, line, "", 2, "L", false, 0, "")
	}
}

// percentages draws cells with numbers, and the classes' names.
func (d *pdfDocument) percentages(c confusion, x, y, size float64) {
	points := min(7.5, size*0.5)
	for i, row := range c.Rows {
		at := y + confusionTop + float64(i)*size
		d.SetFont(fontSans, "", 7.5)
		d.SetXY(x, at)
		d.CellFormat(confusionNames-4, size, d.fitting(row.Class, confusionNames-6), "", 0, "RM", false, 0, "")
		for j, cell := range row.Cells {
			style := ""
			if cell.Right {
				style = "B"
			}
			d.SetFont(fontSans, style, points)
			d.SetFillColor(rgbOf(blend(colorPaper, colorTrain, 0.02+0.62*float64(cell.Percent)/100)))
			d.SetDrawColor(255, 255, 255)
			d.SetLineWidth(0.6)
			d.SetXY(x+confusionNames+float64(j)*size, at)
			d.CellFormat(size, size, fmt.Sprint(cell.Percent), "1", 0, "CM", true, 0, "")
		}
		d.SetFont(fontSans, "", 7.5)
		d.TransformBegin()
		px, py := x+confusionNames+(float64(i)+0.5)*size+2.5, y+confusionTop-4
		d.TransformRotate(90, px, py)
		d.Text(px, py, d.fitting(row.Class, confusionTop-8))
		d.TransformEnd()
	}
}

// shades draws cells without numbers, inside a frame.
func (d *pdfDocument) shades(c confusion, x, y, size float64) {
	for i, row := range c.Rows {
		for j, cell := range row.Cells {
			if cell.Share > 0 {
				d.SetFillColor(rgbOf(shade(cell.Share)))
				d.Rect(x+float64(j)*size, y+float64(i)*size, size, size, "F")
			}
		}
	}
	d.SetDrawColor(rgbOf(colorGrid))
	d.SetLineWidth(0.6)
	side := float64(len(c.Rows)) * size
	d.Rect(x, y, side, side, "D")
}

// fitting is a text, cut off where it is wider than there is room.
func (d *pdfDocument) fitting(text string, width float64) string {
	if d.GetStringWidth(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && d.GetStringWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}
