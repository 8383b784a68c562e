package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
	colour "image/color"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
)

// corners is a picture whose four quarters are red, green, blue and white.
func corners(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	colours := [2][2]colour.NRGBA{{{255, 0, 0, 255}, {0, 255, 0, 255}}, {{0, 0, 255, 255}, {255, 255, 255, 255}}}
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, colours[y*2/height][x*2/width])
		}
	}
	return m
}

func pixelsOf(t *testing.T, file []byte, size int) []uint8 {
	t.Helper()
	pixels, err := ReadPicture(file, size)
	require.NoError(t, err)
	require.Len(t, pixels, size*size*3)
	return pixels
}

// uniform is what a picture of one colour becomes.
func uniform(r, g, b uint8, size int) []uint8 { return bytes.Repeat([]uint8{r, g, b}, size*size) }

func TestPictureOfItsSizeIsUnchanged(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	var want []uint8
	for i := range 256 {
		m.SetNRGBA(i%16, i/16, colour.NRGBA{uint8(i), uint8(7 * i), uint8(255 - i), 255})
		want = append(want, uint8(i), uint8(7*i), uint8(255-i))
	}
	require.Equal(t, want, pixelsOf(t, encoded(t, m), 16))
}

func TestColoursBecomeRGB(t *testing.T) {
	box := image.Rect(0, 0, 6, 6)
	fill := func(m interface {
		image.Image
		Set(x, y int, c colour.Color)
	}, c colour.Color) []byte {
		for i := range 36 {
			m.Set(i%6, i/6, c)
		}
		return encoded(t, m)
	}
	palette := colour.Palette{colour.NRGBA{9, 8, 7, 255}, colour.White}
	for name, c := range map[string]struct {
		file []byte
		want []uint8
	}{
		"grey":                   {fill(image.NewGray(box), colour.Gray{77}), uniform(77, 77, 77, 4)},
		"grey of 16 bits":        {fill(image.NewGray16(box), colour.Gray16{0x4d4d}), uniform(77, 77, 77, 4)},
		"colours of 16 bits":     {fill(image.NewNRGBA64(box), colour.NRGBA64{0x0101, 0x8080, 0xffff, 0xffff}), uniform(1, 128, 255, 4)},
		"a palette":              {fill(image.NewPaletted(box, palette), palette[0]), uniform(9, 8, 7, 4)},
		"transparent":            {fill(image.NewNRGBA(box), colour.NRGBA{200, 0, 0, 0}), uniform(255, 255, 255, 4)},
		"half transparent black": {fill(image.NewNRGBA(box), colour.NRGBA{0, 0, 0, 128}), uniform(127, 127, 127, 4)},
		"CMYK":                   {cmykJPEG(0, 255, 255, 51), uniform(204, 0, 0, 4)},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, pixelsOf(t, c.file, 4)) })
	}
}

func TestMiddleIsTaken(t *testing.T) {
	wide := image.NewNRGBA(image.Rect(0, 0, 30, 10))
	for i := range 300 {
		wide.Set(i%30, i/30, colour.Black)
	}
	for y := range 10 {
		for x := 10; x < 20; x++ {
			wide.Set(x, y, colour.White)
		}
	}
	require.Equal(t, uniform(255, 255, 255, 5), pixelsOf(t, encoded(t, wide), 5))
}

func TestPicturesAreEnlargedToo(t *testing.T) {
	pixels := pixelsOf(t, encoded(t, corners(2, 2)), 64)
	require.Equal(t, []uint8{255, 0, 0}, pixels[:3])
	require.Equal(t, []uint8{0, 255, 0}, pixels[63*3:64*3])
	require.Equal(t, []uint8{255, 255, 255}, pixels[len(pixels)-3:])
}

func TestEXIFOrientationBringsPicturesUpright(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, corners(32, 32), &jpeg.Options{Quality: 100}))
	plain := b.Bytes()
	// Red, green, blue and white lie where these letters do, row by row.
	for orientation, want := range map[uint16]string{
		0: "RGBW", 1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB", 9: "RGBW",
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			pixels := pixelsOf(t, withOrientation(plain, order, orientation), 8)
			found := ""
			for _, at := range []int{2*8 + 2, 2*8 + 5, 5*8 + 2, 5*8 + 5} {
				found += nearestColour(pixels[3*at : 3*at+3])
			}
			require.Equal(t, want, found, "orientation %d", orientation)
		}
	}
	require.Equal(t, 1, orientation(plain))
	whole := withOrientation(plain, binary.LittleEndian, 6)
	for cut := range 60 { // whatever is missing, it is no orientation and no panic
		require.Contains(t, []int{1, 6}, orientation(whole[:cut]))
	}
}

// A picture that claims to be huge is not given memory for.
func TestHugePictureIsRefused(t *testing.T) {
	file := encoded(t, corners(2, 2))
	binary.BigEndian.PutUint32(file[16:], 1_000_000)
	binary.BigEndian.PutUint32(file[20:], 1_000_000)
	_, err := ReadPicture(file, 8)
	require.Error(t, err)
	file = bytes.Clone(cmykJPEG(0, 0, 0, 0))
	at := bytes.Index(file, []byte{0xff, 0xc0}) + 5
	binary.BigEndian.PutUint16(file[at:], 60000)
	binary.BigEndian.PutUint16(file[at+2:], 60000)
	_, err = ReadPicture(file, 8)
	require.ErrorContains(t, err, "60000 × 60000 pixels: want 1 to 100000000")
}

func nearestColour(p []uint8) string {
	switch {
	case p[0] > 128 && p[1] > 128:
		return "W"
	case p[0] > 128:
		return "R"
	case p[1] > 128:
		return "G"
	}
	return "B"
}

// withOrientation puts an EXIF segment behind a JPEG file's beginning.
func withOrientation(file []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	tiff := []byte("MM")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		tiff = []byte("II")
	}
	tiff = order.AppendUint32(order.AppendUint16(tiff, 42), 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][2]uint16{{0x010f, 1}, {0x0112, orientation}} {
		tiff = order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, entry[0]), 3), 1)
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[1]), 0)
	}
	tiff = order.AppendUint32(tiff, 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append(bytes.Clone(file[:2]), 0xff, 0xe1)
	out = append(binary.BigEndian.AppendUint16(out, uint16(len(segment)+2)), segment...)
	return append(out, file[2:]...)
}

// cmykJPEG is a picture of 8×8 pixels of one ink, as Adobe's programs write it: four components of one block each, inverted,
// which have nothing but a mean.
func cmykJPEG(c, m, y, k uint8) []byte {
	segment := func(marker byte, content ...byte) []byte {
		return append([]byte{0xff, marker, 0, byte(len(content) + 2)}, content...)
	}
	file := []byte{0xff, 0xd8}
	file = append(file, segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, 0)...)...)
	file = append(file, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...)...)
	file = append(file, segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)...)
	// Nine codes of four bits for the sizes 0 to 8 of the mean; one code of one bit, the end of the block.
	file = append(file, segment(0xc4, 0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	file = append(file, segment(0xc4, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...)
	file = append(file, segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)...)
	bits := ""
	for _, ink := range []uint8{c, m, y, k} {
		bits += meanBits(int(255-ink)-128) + "0"
	}
	for len(bits)%8 != 0 {
		bits += "1"
	}
	for ; bits != ""; bits = bits[8:] {
		var b byte
		for _, bit := range bits[:8] {
			b = b<<1 | byte(bit-'0')
		}
		if file = append(file, b); b == 0xff {
			file = append(file, 0)
		}
	}
	return append(file, 0xff, 0xd9)
}

// meanBits are the code of a number's size and the number, as JPEG writes it.
func meanBits(v int) string {
	size := 0
	for abs := max(v, -v); abs>>size > 0; {
		size++
	}
	if v < 0 {
		v += 1<<size - 1
	}
	text := ""
	for i := 3; i >= 0; i-- {
		text += string(rune('0' + size>>i&1))
	}
	for i := size - 1; i >= 0; i-- {
		text += string(rune('0' + v>>i&1))
	}
	return text
}

func FuzzReadPicture(f *testing.F) {
	f.Add(encoded(f, corners(5, 3)))
	f.Add(cmykJPEG(1, 2, 3, 4))
	f.Add(withOrientation(cmykJPEG(1, 2, 3, 4), binary.LittleEndian, 6))
	f.Fuzz(func(t *testing.T, file []byte) {
		if pixels, err := ReadPicture(file, 8); err == nil {
			require.Len(t, pixels, 192)
		}
	})
}
