package dataset

import (
	"math"
	"math/rand/v2"
)

const syntheticSize = 32

// shape is one class of the synthetic set.
type shape struct {
	name string
	// distance is negative inside the figure, positive outside and about the distance to its edge: x and y are in the
	// figure's own turned and scaled frame, where it reaches about 1 from the centre.
	distance func(x, y float64) float64
}

// The figures differ in outline or in pattern, never in colour, size or place: those are drawn anew for every image. The
// formulas are the usual signed distances (Quilez, "2D distance functions").
var shapes = []shape{
	{"disc", func(x, y float64) float64 { return math.Hypot(x, y) - 0.85 }},
	{"ring", func(x, y float64) float64 { return math.Abs(math.Hypot(x, y)-0.7) - 0.2 }},
	{"square", func(x, y float64) float64 { return max(math.Abs(x), math.Abs(y)) - 0.75 }},
	{"triangle", func(x, y float64) float64 {
		return max(math.Abs(x)*math.Sqrt(3)/2+y/2, -y) - 0.5
	}},
	{"cross", func(x, y float64) float64 {
		x, y = math.Abs(x), math.Abs(y)
		return min(max(x-0.95, y-0.28), max(y-0.95, x-0.28))
	}},
	{"star", func(x, y float64) float64 {
		turn := math.Atan2(y, x) * 5
		return math.Hypot(x, y) - 0.62 - 0.33*math.Cos(turn)
	}},
	{"crescent", func(x, y float64) float64 {
		return max(math.Hypot(x, y)-0.9, 0.72-math.Hypot(x-0.45, y))
	}},
	{"stripes", func(x, y float64) float64 {
		return max(math.Hypot(x, y)-1, 0.18*math.Sin(x*8))
	}},
	{"checks", func(x, y float64) float64 {
		return max(math.Hypot(x, y)-1, 0.22*math.Sin(x*5.5)*math.Sin(y*5.5))
	}},
	{"dots", func(x, y float64) float64 {
		near := func(v float64) float64 { return v - 0.62*math.Round(v/0.62) }
		return max(math.Hypot(x, y)-1, math.Hypot(near(x), near(y))-0.19)
	}},
}

// DrawSynthetic draws ten classes of 32×32 colour images, a pure function of its arguments: a figure with random colour,
// size, place and turn before a background of two colours, with texture, small distracting discs and noise. Colour says
// nothing about the class; telling classes apart takes a representation of shape. It is for machines that have neither
// file nor network, and for tests: results on it say nothing about CIFAR-10.
func DrawSynthetic(seed uint64, train, test int) *Data {
	data := &Data{Train: drawImages(seed, 0, train), Test: drawImages(seed, 1, test)}
	for _, s := range shapes {
		data.Classes = append(data.Classes, s.name)
	}
	return data
}

func drawImages(seed uint64, part, n int) Images {
	images := Images{Height: syntheticSize, Width: syntheticSize, Pixels: []uint8{}, Labels: []uint8{}}
	for i := range n {
		class := i % len(shapes)
		images.Labels = append(images.Labels, uint8(class))
		images.Pixels = append(images.Pixels, drawImage(shapes[class], Stream(seed, Drawing, 0, i, part))...)
	}
	return images
}

type color [3]float64

func randomColor(r *rand.Rand) color { return color{r.Float64(), r.Float64(), r.Float64()} }

// blend is a where t is 0 and b where it is 1.
func blend(a, b color, t float64) color {
	for c := range a {
		a[c] += (b[c] - a[c]) * t
	}
	return a
}

// contrasting draws a colour that can be told from another.
func contrasting(r *rand.Rand, other color) color {
	for {
		c := randomColor(r)
		if math.Abs(c[0]-other[0])+math.Abs(c[1]-other[1])+math.Abs(c[2]-other[2]) > 0.8 {
			return c
		}
	}
}

func drawImage(s shape, r *rand.Rand) []uint8 {
	ground := newBackground(r)
	figure := newPlacement(r, 8, 13)
	paint, shade := contrasting(r, ground.from), 0.25*r.Float64()
	var discs [3]placement
	var discColors [3]color
	for i := range discs {
		discs[i], discColors[i] = newPlacement(r, 1, 2.5), randomColor(r)
	}
	noise := 0.01 + 0.05*r.Float64()

	pixels := make([]uint8, 0, syntheticSize*syntheticSize*3)
	for y := range syntheticSize {
		for x := range syntheticSize {
			c := ground.at(x, y)
			u, v := figure.local(x, y)
			c = blend(c, blend(paint, color{}, shade*(1+v)/2), figure.coverage(s.distance(u, v)))
			for i, d := range discs {
				u, v := d.local(x, y)
				c = blend(c, discColors[i], d.coverage(math.Hypot(u, v)-1))
			}
			for _, value := range c {
				pixels = append(pixels, uint8(255*min(1, max(0, value+noise*r.NormFloat64()))+0.5))
			}
		}
	}
	return pixels
}

// placement puts a figure into an image.
type placement struct{ x, y, radius, sin, cos float64 }

// newPlacement draws a radius in pixels and a place that keeps most of the figure inside.
func newPlacement(r *rand.Rand, least, most float64) placement {
	radius := least + (most-least)*r.Float64()
	room := syntheticSize - 1.4*radius
	sin, cos := math.Sincos(2 * math.Pi * r.Float64())
	return placement{0.7*radius + room*r.Float64(), 0.7*radius + room*r.Float64(), radius, sin, cos}
}

// local is a pixel's place in the figure's frame.
func (p placement) local(x, y int) (u, v float64) {
	dx, dy := (float64(x)+0.5-p.x)/p.radius, (float64(y)+0.5-p.y)/p.radius
	return dx*p.cos + dy*p.sin, dy*p.cos - dx*p.sin
}

// coverage is how much of a pixel lies inside, by its distance from the edge in the figure's frame.
func (p placement) coverage(distance float64) float64 {
	return min(1, max(0, 0.5-distance*p.radius))
}

// background is a gradient with waves on it.
type background struct {
	from, to             color
	sin, cos             float64
	frequency, amplitude float64
}

func newBackground(r *rand.Rand) background {
	from := randomColor(r)
	sin, cos := math.Sincos(2 * math.Pi * r.Float64())
	return background{from, blend(from, randomColor(r), 0.5), sin, cos, 0.2 + 1.2*r.Float64(), 0.15 * r.Float64()}
}

func (b background) at(x, y int) color {
	along := (float64(x)*b.cos + float64(y)*b.sin) / syntheticSize
	across := float64(y)*b.cos - float64(x)*b.sin
	c := blend(b.from, b.to, min(1, max(0, 0.5+along)))
	wave := b.amplitude * math.Sin(b.frequency*across)
	for i := range c {
		c[i] += wave
	}
	return c
}
