package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func uniform(c color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i := range 4 {
		m.Set(i%2, i/2, c)
	}
	return m
}

// Each image is in the sheet as large as the others, the query at the left and the nearest beside it; an eleventh begins a line.
func TestNeighbourSheet(t *testing.T) {
	red, green, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}
	row := SheetRow{Query: uniform(red), Name: "a photograph of a cat.jpg", Vote: "cat"}
	for range sheetColumns {
		row.Nearest = append(row.Nearest, SheetNeighbour{uniform(green), "cat", 0.5})
	}
	row.Nearest = append(row.Nearest, SheetNeighbour{uniform(blue), "dog", 0.25})
	sheet := NeighbourSheet{Title: "Nearest training images", Rows: []SheetRow{row, {Query: uniform(red)}}}
	data, err := sheet.PNG()
	require.NoError(t, err)
	again, err := sheet.PNG()
	require.NoError(t, err)
	require.Equal(t, data, again)
	m, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)

	count := map[color.Color]int{}
	first := map[color.Color]image.Point{}
	bounds := m.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := color.NRGBAModel.Convert(m.At(x, y))
			if count[c]++; count[c] == 1 {
				first[c] = image.Pt(x, y)
			}
		}
	}
	const picture = 192 * 192 // pixels at 216 dots an inch
	require.InDelta(t, 2*picture, count[red], 2000)
	require.InDelta(t, 10*picture, count[green], 10000)
	require.InDelta(t, picture, count[blue], 1000)
	require.Less(t, first[red].X, first[green].X)
	require.Equal(t, first[red].Y, first[green].Y)
	require.Equal(t, first[green].X, first[blue].X)
	require.Greater(t, first[blue].Y, first[green].Y)
}

func TestNeighbourSheetHasItsLimit(t *testing.T) {
	row := SheetRow{Query: uniform(color.White)}
	row.Nearest = make([]SheetNeighbour, sheetColumns*sheetLinesMost+1)
	_, err := (&NeighbourSheet{Rows: []SheetRow{row}}).PNG()
	require.ErrorContains(t, err, "take 101 lines, and a sheet has at most 100")
}
