package report

// formula writes the pretraining loss in a line: fractions with a stroke, indices below the line.
func (d *pdfDocument) formula() {
	if !d.page.IsSimCLR && !d.page.IsBarlowTwins {
		return
	}
	d.SetX(pdfMargin + 18)
	d.ink(colorInk)
	if d.page.IsSimCLR {
		d.terms("ℓ", "i, j", " =  − log ( exp(sim(z", "i", ", z", "j", ") / τ)  /  Σ", "k ≠ i", " exp(sim(z", "i", ", z", "k", ") / τ) )")
	} else {
		d.terms("L  =  Σ", "i", " (1 − C", "i i", ")²  +  λ Σ", "i", " Σ", "j ≠ i", " C", "i j", "²")
	}
	d.Ln(22)
}

// terms writes texts in turn on the line and as indices.
func (d *pdfDocument) terms(texts ...string) {
	const size, index, drop, line = 12.0, 8.5, 3.0, 16.0
	y := d.GetY() + 12
	x := d.GetX()
	for i, text := range texts {
		points, below := size, 0.0
		if i%2 == 1 {
			points, below = index, drop
		}
		d.SetFont(fontSerif, "I", points)
		d.Text(x, y+below, text)
		x += d.GetStringWidth(text)
	}
	d.SetXY(pdfMargin, y-12+line-14)
}
