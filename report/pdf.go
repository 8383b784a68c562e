package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifitalic"
	"codeberg.org/go-pdf/fpdf"
)

// Fonts of the document: Liberation (SIL Open Font License), which the figures are measured with too.
const (
	fontSans  = "Liberation Sans"
	fontMono  = "Liberation Mono"
	fontSerif = "Liberation Serif"
)

// Sizes in points; the paper is A4.
const (
	pdfMargin   = 51.0
	pdfWidth    = 595.28 - 2*pdfMargin
	pdfBottom   = 54.0
	pdfGap      = 12.0
	textPoints  = 10.0
	textLeading = 14.0
	notePoints  = 8.5
	noteLeading = 11.5
	specPoints  = 6.6
	specLeading = 8.8
)

// pdfDocument is a document in points with the text styles of a report. Its errors wait until it is written.
type pdfDocument struct {
	*fpdf.Fpdf
	page *page
	// pictures are the places of PNG files, by content, in a sheet of the given length.
	pictures    map[string]int
	sheetLength int
}

// printable replaces what a PDF can't hold: letters beyond Unicode's first plane.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r > math.MaxUint16 {
			return utf8.RuneError
		}
		return r
	}, text)
}

func (d *pdfDocument) Text(x, y float64, text string) { d.Fpdf.Text(x, y, printable(text)) }

func (d *pdfDocument) MultiCell(w, h float64, text, border, align string, fill bool) {
	d.Fpdf.MultiCell(w, h, printable(text), border, align, fill)
}

func (d *pdfDocument) CellFormat(
	w, h float64, text, border string, next int, align string, fill bool, link int, address string,
) {
	d.Fpdf.CellFormat(w, h, printable(text), border, next, align, fill, link, address)
}

func (d *pdfDocument) SplitText(text string, width float64) []string {
	return d.Fpdf.SplitText(printable(text), width)
}

func (d *pdfDocument) GetStringWidth(text string) float64 {
	return d.Fpdf.GetStringWidth(printable(text))
}

// PDF writes the report for paper: A4, with the same content as HTML. The same input gives the same bytes.
func PDF(in Input) ([]byte, error) {
	p, err := newPage(in)
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	d := newDocument(p)
	if err := d.pictureSheet(); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	for _, part := range []func(){
		d.title, d.question, d.results, d.ablation, d.pretraining, d.classifiers, d.confusions, d.neighbours, d.testMap, d.data,
		d.augmentations, d.spec, d.artifacts, d.time, d.reproduction,
	} {
		part()
	}
	var out bytes.Buffer
	if err := d.Output(&out); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return out.Bytes(), nil
}

func newDocument(p *page) *pdfDocument {
	d := &pdfDocument{Fpdf: fpdf.New("P", "pt", "A4", ""), page: p}
	// Nothing but the input may show in the bytes: no clock, no order of a map.
	d.SetCatalogSort(true)
	d.SetCreationDate(time.Unix(0, 0).UTC())
	d.SetModificationDate(time.Unix(0, 0).UTC())
	d.SetTitle(p.Name+": "+p.Method+" on "+p.Result.Data.Name, true)
	d.SetCreator("Twinview", true)
	d.SetLang("en")
	d.AddUTF8FontFromBytes(fontSans, "", liberationsansregular.TTF)
	d.AddUTF8FontFromBytes(fontSans, "B", liberationsansbold.TTF)
	d.AddUTF8FontFromBytes(fontMono, "", liberationmonoregular.TTF)
	d.AddUTF8FontFromBytes(fontSerif, "I", liberationserifitalic.TTF)
	d.SetMargins(pdfMargin, pdfMargin, pdfMargin)
	d.SetAutoPageBreak(true, pdfBottom)
	d.SetCellMargin(0)
	d.AliasNbPages("{pages}")
	d.SetFooterFunc(d.footer)
	d.AddPage()
	return d
}

func (d *pdfDocument) footer() {
	d.SetY(-36)
	d.SetFont(fontSans, "", 8)
	d.ink(colorMuted)
	// The number of pages is not known yet, so its width isn't either: it stands on the left.
	d.CellFormat(pdfWidth/2, 10, fmt.Sprintf("%d / {pages}", d.PageNo()), "", 0, "L", false, 0, "")
	d.CellFormat(pdfWidth/2, 10, d.page.Name, "", 0, "R", false, 0, "")
}

func rgbOf(c color.NRGBA) (r, g, b int) { return int(c.R), int(c.G), int(c.B) }

func (d *pdfDocument) ink(c color.NRGBA) { d.SetTextColor(rgbOf(c)) }

// room is the height that is left on the page.
func (d *pdfDocument) room() float64 {
	_, height := d.GetPageSize()
	return height - pdfBottom - d.GetY()
}

// need begins a new page where less than the height is left.
func (d *pdfDocument) need(height float64) {
	if d.room() < height {
		d.AddPage()
	}
}

// heading begins a section. What follows has a height that it must not be parted from.
func (d *pdfDocument) heading(text string, follows float64) {
	d.Ln(8)
	d.need(26 + follows)
	d.SetFont(fontSans, "B", 13)
	d.ink(colorInk)
	d.MultiCell(pdfWidth, 17, text, "", "L", false)
	d.Ln(3)
}

func (d *pdfDocument) paragraph(text string) {
	d.SetFont(fontSans, "", textPoints)
	d.ink(colorInk)
	d.MultiCell(pdfWidth, textLeading, text, "", "L", false)
	d.Ln(5)
}

func (d *pdfDocument) note(text string) {
	d.SetFont(fontSans, "", notePoints)
	d.ink(colorMuted)
	d.MultiCell(pdfWidth, noteLeading, text, "", "L", false)
	d.Ln(6)
}

func (d *pdfDocument) title() {
	p := d.page
	d.SetFont(fontSans, "", textPoints)
	d.ink(colorMuted)
	d.CellFormat(pdfWidth, 14, p.Method+" on "+p.Result.Data.Name, "", 1, "L", false, 0, "")
	d.SetFont(fontSans, "B", 21)
	d.ink(colorInk)
	d.MultiCell(pdfWidth, 27, p.Name, "", "L", false)
	d.Ln(5)
	d.SetFont(fontSans, "", 11.5)
	answer := p.Choices
	if p.Labelled {
		answer = fmt.Sprintf("%s %s of the test images right (95 %% interval %s to %s). Guessing gets %s.",
			p.Headline.Sentence, p.Headline.Test, p.Headline.Low, p.Headline.High, p.Chance)
	}
	d.MultiCell(pdfWidth, 16, answer, "", "L", false)
	d.Ln(6)
	if p.Labelled {
		d.bars()
	}
}

// bars draw the test accuracies with their intervals and that of guessing.
func (d *pdfDocument) bars() {
	const name, line, thick = 74.0, 22.0, 8.0
	width := pdfWidth - name - 118
	for _, e := range d.page.Evaluations {
		y := d.GetY()
		d.SetFont(fontSans, "", textPoints)
		d.ink(colorInk)
		d.CellFormat(name, line, e.Name, "", 0, "L", false, 0, "")
		x, at := d.GetX(), y+(line-thick)/2
		d.SetFillColor(238, 241, 244)
		d.Rect(x, at, width, thick, "F")
		d.SetFillColor(rgbOf(colorTest))
		d.Rect(x, at, width*e.TestAt/100, thick, "F")
		d.SetFillColor(rgbOf(colorInk))
		d.SetAlpha(0.35, "Normal")
		d.Rect(x+width*e.LowAt/100, at-2, width*e.WidthAt/100, thick+4, "F")
		d.SetAlpha(1, "Normal")
		d.SetDrawColor(rgbOf(colorMuted))
		d.SetLineWidth(1.2)
		guess := x + width*chance(&d.page.Result)
		d.Line(guess, at-3, guess, at+thick+3)
		d.SetX(x + width + 10)
		d.SetFont(fontSans, "B", textPoints)
		d.CellFormat(38, line, e.Test, "", 0, "L", false, 0, "")
		d.SetFont(fontSans, "", notePoints)
		d.ink(colorMuted)
		d.CellFormat(70, line, e.Low+" – "+e.High, "", 1, "L", false, 0, "")
	}
	d.note("Accuracy on the test split with its 95 % interval; the thin line is guessing.")
}

func (d *pdfDocument) question() {
	p := d.page
	d.heading("The question", 60)
	d.paragraph(p.Question)
	d.paragraph(p.Network)
	d.paragraph(p.Loss)
	d.formula()
	d.paragraph(p.Symbols)
}

func (d *pdfDocument) results() {
	d.heading("Results", 80)
	if d.page.Labelled {
		d.accuracies()
	}
	d.losses()
}

func (d *pdfDocument) accuracies() {
	p := d.page
	var rows [][]cell
	for _, e := range p.Evaluations {
		rows = append(rows, []cell{
			{text: e.Name, detail: e.Protocol, bold: true}, {text: e.Train}, {text: e.Validation}, {text: e.Test, bold: true},
			{text: e.Low + " – " + e.High},
			{text: fmt.Sprintf("epoch %d", e.Epoch), detail: "of " + e.Of + ", by " + e.Criterion},
		})
	}
	d.table([]column{
		{"Accuracy", 184, false}, {"Train", 46, true}, {"Validation", 52, true}, {"Test", 46, true},
		{"95 % interval", 84, true}, {"", 12, false}, {"Selected", pdfWidth - 424, false},
	}, withGap(rows, 5))
	d.note(p.Choices)
}

func (d *pdfDocument) losses() {
	p := d.page
	var losses [][]cell
	for _, l := range p.Losses {
		losses = append(losses, []cell{{text: l.When, bold: true}, {text: l.Loss}})
	}
	d.table([]column{{"Pretraining", 120, false}, {p.LossName, 110, true}}, losses)
	if p.Retry != "" {
		d.note(p.Retry)
	}
}

// withGap puts an empty cell into every row.
func withGap(rows [][]cell, at int) [][]cell {
	for i, row := range rows {
		rows[i] = append(append(append([]cell{}, row[:at]...), cell{}), row[at:]...)
	}
	return rows
}

func (d *pdfDocument) ablation() {
	if len(d.page.Ablation) == 0 {
		return
	}
	d.heading("What pretraining is worth", 60)
	var rows [][]cell
	for _, row := range d.page.Ablation {
		rows = append(rows, []cell{{text: row.Labels, bold: true}, {text: row.Pretrained}, {text: row.Scratch}})
	}
	d.table([]column{
		{"Labelled images", 130, false}, {"Test accuracy, pretrained", 170, true}, {"Test accuracy, from scratch", 170, true},
	}, rows)
	d.note(ablationNote)
}

func (d *pdfDocument) pretraining() {
	if len(d.page.Pretrain) == 0 {
		return
	}
	d.heading("Pretraining", 200)
	d.figures(d.page.Pretrain)
}

func (d *pdfDocument) classifiers() {
	if len(d.page.Classifiers) == 0 {
		return
	}
	d.heading(d.page.ClassifiersTitle(), 200)
	d.figures(d.page.Classifiers)
}

// figures draws two in a row, each above its caption.
func (d *pdfDocument) figures(all []figure) {
	width := (pdfWidth - pdfGap) / 2
	high := width*figureHeight.Points()/figureWidth.Points() + 2*noteLeading + 10
	for i, f := range all {
		left := i%2 == 0
		if left {
			d.need(high)
		}
		y, x := d.GetY(), pdfMargin
		if !left {
			x += width + pdfGap
		}
		height := d.figure(f, x, y, width)
		d.SetXY(x, y+height+1)
		d.SetFont(fontSans, "", notePoints-0.5)
		d.ink(colorMuted)
		for _, line := range d.wrap(f.Caption, width-8) {
			d.SetX(x + 6)
			d.CellFormat(width-8, noteLeading-1, line, "", 2, "L", false, 0, "")
		}
		d.SetXY(pdfMargin, y)
		if !left || i == len(all)-1 {
			d.SetXY(pdfMargin, y+high)
		}
	}
}

func (d *pdfDocument) figure(f drawing, x, y, width float64) (height float64) {
	height, err := drawPDF(d.Fpdf, f, x, y, width)
	if err != nil {
		d.SetError(fmt.Errorf("draw %s: %w", f.name(), err))
	}
	return height
}

// blend is the share of one colour over another.
func blend(under, over color.NRGBA, share float64) color.NRGBA {
	mix := func(a, b uint8) uint8 { return uint8(float64(a)*(1-share) + float64(b)*share + 0.5) }
	return color.NRGBA{mix(under.R, over.R), mix(under.G, over.G), mix(under.B, over.B), 255}
}

func (d *pdfDocument) neighbours() {
	rows := d.page.Neighbours
	if len(rows) == 0 {
		return
	}
	const size, high, first, step = 36.0, 61.0, 116.0, 47.0
	d.heading("What the encoder finds alike", 5*textLeading+high)
	d.paragraph(d.page.neighboursNote("=", "≠"))
	for _, row := range rows {
		d.need(high)
		y := d.GetY()
		d.picture(row.PNG, pdfMargin, y, size)
		if d.page.Labelled {
			d.caption(pdfMargin, y+size+8, row.Class, "", colorInk)
			d.caption(pdfMargin+52, y+size/2+3, mark(row.Right)+row.Predicted, "", verdict(row.Right))
		}
		for j, n := range row.Nearest {
			x := pdfMargin + first + float64(j)*step
			d.picture(n.PNG, x, y, size)
			if d.page.Labelled {
				d.caption(x, y+size+8, mark(n.Right)+n.Class, n.Similarity, verdict(n.Right))
			} else {
				d.caption(x, y+size+8, n.Similarity, "", colorMuted)
			}
		}
		d.SetXY(pdfMargin, y+high)
	}
}

// The font has neither tick nor cross.
func mark(right bool) string {
	if right {
		return "= "
	}
	return "≠ "
}

func verdict(right bool) color.NRGBA {
	if right {
		return colorTest
	}
	return colorValidation
}

func (d *pdfDocument) caption(x, y float64, text, below string, ink color.NRGBA) {
	d.SetFont(fontSans, "", 6.8)
	d.ink(ink)
	d.Text(x, y, text)
	d.ink(colorMuted)
	if below != "" {
		d.Text(x, y+8, below)
	}
}

func (d *pdfDocument) testMap() {
	m := d.page.Map
	if m == nil {
		return
	}
	const width = 440.0
	high := width*mapHeight.Points()/mapWidth.Points() + 4*noteLeading
	d.Ln(6)
	d.need(high)
	y := d.GetY()
	height := d.figure(m, pdfMargin, y, width)
	d.SetXY(pdfMargin, y+height+2)
	d.note(m.Note())
}

func (d *pdfDocument) data() {
	r := &d.page.Result.Data
	d.heading("Data", 70)
	columns := []column{{"", 90, false}, {"", pdfWidth - 90, false}}
	d.table(columns, [][]cell{
		{{text: "Data set", bold: true}, {text: r.Name}},
		{{text: "SHA-256", bold: true}, {text: r.SHA256, mono: true}},
		{{text: "Images", bold: true}, {text: fmt.Sprintf("%s for training, %s for validation, %s for the test", d.page.Train,
			d.page.Validation, d.page.Test)}},
		{{text: "Classes", bold: true}, {text: d.page.ClassList()}},
	})
}

func (d *pdfDocument) augmentations() {
	p := d.page
	d.heading("Augmentations", 120)
	if len(p.Views) > 0 {
		const size = 34.0
		d.paragraph(viewsNote)
		y := d.GetY()
		for i, pair := range p.Views {
			for v, data := range pair {
				x := pdfMargin + float64(i)*(2*size+14) + float64(v)*(size+2)
				d.picture(data, x, y, size)
			}
		}
		d.SetXY(pdfMargin, y+size+10)
	}
	columns := []column{{"Transform", 170, false}}
	for _, name := range p.ViewNames {
		columns = append(columns, column{name, (pdfWidth - 170) / float64(len(p.ViewNames)), false})
	}
	var rows [][]cell
	for _, t := range p.Transforms {
		row := []cell{{text: t.Name, detail: t.Meaning, bold: true}}
		for _, s := range t.Settings {
			row = append(row, cell{text: s})
		}
		rows = append(rows, row)
	}
	d.table(columns, rows)
}

// spec writes the YAML in columns, on one page where it fits on one.
func (d *pdfDocument) spec() {
	const columns, most = 3, 640.0
	d.heading("Every hyperparameter", min(most, float64(len(d.monoLines(d.page.YAML, columns))/columns+2)*specLeading))
	d.mono(d.page.YAML, columns)
}

func monoWidth(columns int) float64 { return (pdfWidth - pdfGap*float64(columns-1)) / float64(columns) }

// monoLines are the text's lines as they fit into one of several columns.
func (d *pdfDocument) monoLines(text string, columns int) []string {
	d.SetFont(fontMono, "", specPoints)
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, d.wrapIndented(strings.TrimRight(line, "\n"), monoWidth(columns))...)
	}
	return lines
}

// mono writes lines as they are, in columns that fill a page from the left before the next begins.
func (d *pdfDocument) mono(text string, columns int) {
	width, lines := monoWidth(columns), d.monoLines(text, columns)
	for len(lines) > 0 {
		fits := max(1, int(d.room()/specLeading))
		// Columns of equal length where the rest fits on the page.
		perColumn := min(fits, (len(lines)+columns-1)/columns)
		top := d.GetY()
		d.SetFont(fontMono, "", specPoints)
		d.ink(colorInk)
		for c := range columns {
			for i := range min(perColumn, len(lines)) {
				d.Text(pdfMargin+float64(c)*(width+pdfGap), top+specPoints+float64(i)*specLeading, lines[i])
			}
			lines = lines[min(perColumn, len(lines)):]
		}
		d.SetXY(pdfMargin, top+float64(perColumn)*specLeading+6)
		if len(lines) > 0 {
			d.AddPage()
		}
	}
}

// wrapIndented breaks a line that is too long and keeps the indentation, which has a meaning in YAML.
func (d *pdfDocument) wrapIndented(line string, width float64) []string {
	body := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(body)]
	wrapped := d.wrap(body, width-d.GetStringWidth(indent))
	for i := range wrapped {
		wrapped[i] = indent + wrapped[i]
	}
	return wrapped
}

func (d *pdfDocument) artifacts() {
	d.heading("Artifacts", 60)
	var rows [][]cell
	for _, a := range d.page.Artifacts {
		rows = append(rows, []cell{{text: a.Key + "\n" + a.SHA256, mono: true}, {text: a.Size}})
	}
	d.table([]column{{"Object key and SHA-256", pdfWidth - 60, false}, {"Size", 60, true}}, rows)
}

func (d *pdfDocument) time() {
	p := d.page
	d.heading("Time, energy and machine", 90)
	var rows [][]cell
	for _, s := range p.Stages {
		rows = append(rows, []cell{
			{text: s.Name, bold: true}, {text: s.Epochs}, {text: s.Steps}, {text: s.Rate}, {text: s.Activity}, {text: s.Energy},
		})
	}
	d.table([]column{
		{"Stage", 120, false}, {"Epochs", 50, true}, {"Steps", 80, true}, {"Throughput", 90, true}, {"Activity", 80, true},
		{"Energy", pdfWidth - 420, true},
	}, rows)
	d.note(fmt.Sprintf("%s %s %s", timeNote, p.Energy, p.WorkersNote()))
	if len(p.Facts) == 0 {
		return
	}
	var facts [][]cell
	for _, f := range p.Facts {
		facts = append(facts, []cell{{text: f[0], bold: true}, {text: f[1]}})
	}
	d.table([]column{{"", 120, false}, {"", pdfWidth - 120, false}}, facts)
}

func (d *pdfDocument) reproduction() {
	d.heading("How to reproduce it", 120)
	d.paragraph(d.page.ReproduceNote())
	d.mono(d.page.Commands, 1)
}
