package report

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/draw"
)

const (
	sheetName = "pictures"
	// pictureSide makes the pixels of small pictures squares, which a viewer would else blur.
	pictureSide = 96
)

// pictureSheet puts all pictures of the page into one image, one below the other: fpdf writes several images in an order of
// its own, and equal input has to give equal bytes.
func (d *pdfDocument) pictureSheet() error {
	var all [][]byte
	for _, pair := range d.page.Views {
		all = append(all, pair[:]...)
	}
	for _, row := range d.page.Neighbours {
		all = append(all, row.PNG)
		for _, n := range row.Nearest {
			all = append(all, n.PNG)
		}
	}
	d.pictures = map[string]int{}
	if len(all) == 0 {
		return nil
	}
	sheet := image.NewNRGBA(image.Rect(0, 0, pictureSide, pictureSide*len(all)))
	for i, data := range all {
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("read picture %d: %w", i+1, err)
		}
		place := image.Rect(0, pictureSide*i, pictureSide, pictureSide*(i+1))
		draw.NearestNeighbor.Scale(sheet, place, picture, picture.Bounds(), draw.Src, nil)
		d.pictures[string(data)] = i
	}
	d.sheetLength = len(all)
	var out bytes.Buffer
	if err := png.Encode(&out, sheet); err != nil {
		return fmt.Errorf("write pictures: %w", err)
	}
	d.RegisterImageOptionsReader(sheetName, fpdf.ImageOptions{ImageType: "PNG"}, &out)
	return nil
}

// picture shows a PNG file of the page in a square.
func (d *pdfDocument) picture(data []byte, x, y, side float64) {
	above := side * float64(d.pictures[string(data)])
	d.ClipRect(x, y, side, side, false)
	d.ImageOptions(sheetName, x, y-above, side, side*float64(d.sheetLength), false, fpdf.ImageOptions{ImageType: "PNG"}, 0, "")
	d.ClipEnd()
}
