package kernels

import (
	"fmt"

	"twinview/augment"
)

// View is what augment.cu makes one view of: an image's number in the data set, and what package augment drew for it.
type View struct {
	Image int64
	Sigma float64
	// Top, Left, Height and Width are the box that is cut out.
	Top, Left, Height, Width int32
	// Order is that of the four changes: 0 is brightness, 1 contrast, 2 saturation, 3 hue.
	Order                                   [4]int32
	Brightness, Contrast, Saturation, Hue   float32
	Flip, Jitter, Grayscale, Blur, Solarize int32 // 1 or 0
	_                                       int32
}

// NewView is the view of an image for which d was drawn.
func NewView(image int, d augment.Drawn) View {
	v := View{
		Image: int64(image), Sigma: d.Sigma,
		Top: int32(d.Box.Top), Left: int32(d.Box.Left), Height: int32(d.Box.Height), Width: int32(d.Box.Width),
		Brightness: d.JitterBy.Brightness, Contrast: d.JitterBy.Contrast, Saturation: d.JitterBy.Saturation, Hue: d.JitterBy.Hue,
		Flip: Flag(d.Flip), Jitter: Flag(d.Jitter), Grayscale: Flag(d.Grayscale), Blur: Flag(d.Blur), Solarize: Flag(d.Solarize),
	}
	for i, change := range d.JitterBy.Order {
		v.Order[i] = int32(change)
	}
	return v
}

// Normalize is what augment.cu multiplies the three channels by, and what it adds to them then.
type Normalize struct{ Scale, Shift [3]float32 }

// NewNormalize subtracts means and divides by standard deviations.
func NewNormalize(mean, deviation [3]float64) (n Normalize) {
	for c := range mean {
		n.Scale[c], n.Shift[c] = float32(1/deviation[c]), float32(-mean[c]/deviation[c])
	}
	return n
}

// mostShared is the shared memory that a block can have on A100 and what is larger, less what the kernel takes by itself.
const mostShared = 162 << 10

// Augment is the launch that makes views of size×size of images [height, width, 3], with a blur of kernel taps. Launches of more
// than 48 KiB of shared memory must be asked for (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES). It fails if an image is too
// large for a block's shared memory.
func Augment(views, height, width, size, kernel int) (Launch, error) {
	stride := 2*(max(max(height, width)/size, 1)+2) + 1
	floats := max(height, size)*size*3 + size*size*3 + kernel + 2*size*stride + 4*size
	shared := 8*kernel + 4*floats
	if shared > mostShared {
		return Launch{}, fmt.Errorf("views of %d×%d of images of %d×%d take %d bytes of shared memory, more than the %d there are: "+
			"make the images smaller (dataset.size), or augment on the CPU", size, size, height, width, shared, mostShared)
	}
	return Launch{Grid: [3]int{views, 1, 1}, Block: [3]int{blockThreads, 1, 1}, Shared: shared}, nil
}
