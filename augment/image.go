package augment

// Image is an RGB image. Pix is [Height, Width, 3] with values in [0, 1]; transforms change it in place unless they
// take a destination. It is a view of its memory: copies share Pix.
type Image struct {
	Height, Width int
	Pix           []float32
}

// NewImage returns a black image.
func NewImage(height, width int) Image {
	return Image{Height: height, Width: width, Pix: make([]float32, height*width*3)}
}

// row returns the [Width, 3] values of row y.
func (m Image) row(y int) []float32 {
	return m.Pix[y*m.Width*3 : (y+1)*m.Width*3]
}

// unit maps a byte to [0, 1], as torchvision's ToTensor does.
var unit = func() (table [256]float32) {
	for i := range table {
		table[i] = float32(i) / 255
	}
	return table
}()

// fromBytes fills dst with the values of src, one for one.
func fromBytes(dst []float32, src []uint8) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = unit[b]
	}
}

func clamp(x float32) float32 { return min(max(x, 0), 1) }
