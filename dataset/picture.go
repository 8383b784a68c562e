package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

// pixelsMost bounds the memory of one image: a hundred megapixels are 400 MB.
const pixelsMost = 100_000_000

// ReadPicture decodes a PNG or JPEG file, whatever its name says, and returns RGB pixels [size, size, 3]. The largest square
// in the middle is resized with a triangle filter, as wide as the reduction where the image shrinks: torchvision's bilinear
// Resize with antialiasing. Grey becomes equal red, green and blue, CMYK becomes RGB by its complement, what is transparent
// lies before white, and 16 bits become 8; colour profiles are not applied. A JPEG's EXIF orientation is.
func ReadPicture(data []byte, size int) ([]uint8, error) {
	decode, config, turn := jpeg.Decode, jpeg.DecodeConfig, 1
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG")):
		decode, config = png.Decode, png.DecodeConfig
	case bytes.HasPrefix(data, []byte{0xff, 0xd8}):
		turn = orientation(data)
	default:
		return nil, errors.New("is neither a PNG nor a JPEG file")
	}
	described, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if n := int64(described.Width) * int64(described.Height); n < 1 || n > pixelsMost {
		return nil, fmt.Errorf("%d × %d pixels: want 1 to %d", described.Width, described.Height, pixelsMost)
	}
	decoded, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return turned(resized(decoded, size), size, turn), nil
}

// resized is the middle of a picture as RGB pixels [size, size, 3].
func resized(decoded image.Image, size int) []uint8 {
	bounds := decoded.Bounds()
	side := min(bounds.Dx(), bounds.Dy())
	middle := image.Rect(0, 0, side, side).Add(bounds.Min).Add(image.Pt((bounds.Dx()-side)/2, (bounds.Dy()-side)/2))
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	draw.BiLinear.Scale(canvas, canvas.Bounds(), decoded, middle, draw.Over, nil)
	pixels := make([]uint8, 0, size*size*3)
	for i := 0; i < len(canvas.Pix); i += 4 {
		pixels = append(pixels, canvas.Pix[i], canvas.Pix[i+1], canvas.Pix[i+2])
	}
	return pixels
}

// turned brings square pixels stored in an EXIF orientation upright.
func turned(pixels []uint8, size, orientation int) []uint8 {
	if orientation == 1 {
		return pixels
	}
	last := size - 1
	// Where the pixel that belongs at x, y is stored.
	from := map[int]func(x, y int) (int, int){
		2: func(x, y int) (int, int) { return last - x, y },
		3: func(x, y int) (int, int) { return last - x, last - y },
		4: func(x, y int) (int, int) { return x, last - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, last - x },
		7: func(x, y int) (int, int) { return last - y, last - x },
		8: func(x, y int) (int, int) { return last - y, x },
	}[orientation]
	upright := make([]uint8, 0, len(pixels))
	for y := range size {
		for x := range size {
			sx, sy := from(x, y)
			i := (sy*size + sx) * 3
			upright = append(upright, pixels[i:i+3]...)
		}
	}
	return upright
}
