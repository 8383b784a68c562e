package report

// column is one of a table on paper. Width is in points.
type column struct {
	title string
	width float64
	right bool
}

// cell is a text with an optional smaller one below.
type cell struct {
	text, detail string
	bold         bool
	// mono is for digests and keys.
	mono bool
}

// Sizes in points.
const (
	tableSize   = 8.5
	tableLine   = 11.0
	detailSize  = 7.2
	detailLine  = 9.2
	tableMargin = 4.0
)

// table writes rows under a header that is repeated on every page. A row stays on one page.
func (d *pdfDocument) table(columns []column, rows [][]cell) {
	d.tableHeader(columns, d.rowHeight(columns, rows[0]))
	for i, row := range rows {
		height := d.rowHeight(columns, row)
		if d.room() < height {
			d.AddPage()
			d.tableHeader(columns, height)
		} else if i > 0 {
			d.rule(columns)
		}
		d.row(columns, row)
		d.SetY(d.GetY() + height)
	}
	d.Ln(8)
}

// tableHeader keeps the titles together with the first row.
func (d *pdfDocument) tableHeader(columns []column, first float64) {
	d.need(tableLine + first + 2*tableMargin)
	titled := false
	for _, c := range columns {
		titled = titled || c.title != ""
	}
	if !titled {
		return
	}
	d.ink(colorMuted)
	d.SetFont(fontSans, "B", tableSize-0.5)
	d.SetX(pdfMargin)
	for _, c := range columns {
		d.CellFormat(c.width, tableLine, c.title, "", 0, alignment(c), false, 0, "")
	}
	d.Ln(tableLine + 2)
	d.rule(columns)
}

func alignment(c column) string {
	if c.right {
		return "R"
	}
	return "L"
}

// rule draws a line below what is there.
func (d *pdfDocument) rule(columns []column) {
	var width float64
	for _, c := range columns {
		width += c.width
	}
	d.SetDrawColor(rgbOf(colorGrid))
	d.SetLineWidth(0.6)
	d.Line(pdfMargin, d.GetY(), pdfMargin+width, d.GetY())
}

func (d *pdfDocument) rowHeight(columns []column, row []cell) float64 {
	var height float64
	for i, c := range row {
		text, detail := d.lines(columns[i], c)
		height = max(height, float64(len(text))*tableLine+float64(len(detail))*detailLine)
	}
	return height + 2*tableMargin
}

// lines wraps a cell's two texts.
func (d *pdfDocument) lines(c column, content cell) (text, detail []string) {
	d.cellFont(content)
	text = d.wrap(content.text, c.width-2*tableMargin)
	if content.detail != "" {
		d.SetFont(fontSans, "", detailSize)
		detail = d.wrap(content.detail, c.width-2*tableMargin)
	}
	return text, detail
}

func (d *pdfDocument) cellFont(c cell) {
	family, style, size := fontSans, "", tableSize
	if c.bold {
		style = "B"
	}
	if c.mono {
		family, style, size = fontMono, "", detailSize
	}
	d.SetFont(family, style, size)
}

func (d *pdfDocument) row(columns []column, row []cell) {
	top, x := d.GetY()+tableMargin, pdfMargin
	for i, c := range row {
		text, detail := d.lines(columns[i], c)
		d.cellFont(c)
		d.ink(colorInk)
		y := top
		for _, line := range text {
			d.SetXY(x, y)
			d.CellFormat(columns[i].width, tableLine, line, "", 0, alignment(columns[i]), false, 0, "")
			y += tableLine
		}
		d.SetFont(fontSans, "", detailSize)
		d.ink(colorMuted)
		for _, line := range detail {
			d.SetXY(x, y)
			d.CellFormat(columns[i].width, detailLine, line, "", 0, alignment(columns[i]), false, 0, "")
			y += detailLine
		}
		x += columns[i].width
	}
	d.SetXY(pdfMargin, top-tableMargin)
}

// wrap breaks a text into lines of at most the width in the present font.
func (d *pdfDocument) wrap(text string, width float64) []string {
	lines := d.SplitText(text, width)
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}
