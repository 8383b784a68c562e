package experiment

import "fmt"

// check takes the size of the smallest views that pretraining has, in pixels.
func (a Augment) check(c *checker, smallest int) {
	checkViewSize(c, "augment.size", a.Size)
	a.FirstView.check(c, "augment.first_view", smallest)
	if a.SecondView == nil {
		return
	}
	a.SecondView.check(c, "augment.second_view", smallest)
	if a.SecondView.Normalize != a.FirstView.Normalize {
		c.complain("augment.second_view.normalize", a.SecondView.Normalize,
			"differs from augment.first_view.normalize: the encoder must see both views on one scale; remove it")
	}
}

// checkViews lets the number be absent.
func (a Augment) checkViews(c *checker, method string) {
	if a.Views != 0 {
		c.whole("augment.views", a.Views, 2, 8, "each view needs another of its image; 0 stands for 2")
	}
	if loss, _ := LossOf(method); loss.Views == 2 && a.Views > 2 {
		c.complain("augment.views", a.Views, "is too many for %s, whose loss correlates two views: set it to 2, or "+
			"method.name to %s", method, SimCLR)
	}
}

func (v View) check(c *checker, path string, size int) {
	c.interval(path+".crop.scale", v.Crop.Scale, span{low: 0, high: 1, openLow: true})
	c.interval(path+".crop.ratio", v.Crop.Ratio, span{low: 0.1, high: 10})
	c.real(path+".flip_probability", v.Flip, probability, "")
	v.Jitter.check(c, path+".color_jitter")
	c.real(path+".grayscale_probability", v.Grayscale, probability, "")
	v.Blur.check(c, path+".gaussian_blur", size)
	c.real(path+".solarize.probability", v.Solarize.Probability, probability, "")
	c.real(path+".solarize.threshold", v.Solarize.Threshold, span{low: 0, high: 1}, "a channel value")
	if v.Normalize == (Normalize{}) { // yet to be measured
		return
	}
	for i := range v.Normalize.Std {
		c.real(fmt.Sprintf("%s.normalize.mean[%d]", path, i), v.Normalize.Mean[i], span{low: 0, high: 1}, "pixels are 0 to 1")
		c.real(fmt.Sprintf("%s.normalize.std[%d]", path, i), v.Normalize.Std[i], span{low: 0.001, high: 10}, "pixels are divided by it")
	}
}

func (j ColorJitter) check(c *checker, path string) {
	factor := span{low: 0, high: 10}
	c.real(path+".probability", j.Probability, probability, "")
	c.real(path+".brightness", j.Brightness, factor, "")
	c.real(path+".contrast", j.Contrast, factor, "")
	c.real(path+".saturation", j.Saturation, factor, "")
	c.real(path+".hue", j.Hue, span{low: 0, high: 0.5}, "half a turn around the colour circle")
}

func (b Blur) check(c *checker, path string, size int) {
	c.real(path+".probability", b.Probability, probability, "")
	// The image is mirrored by half a kernel at its edges, without repeating the edge itself.
	largest := 2*size - 1
	c.within(b.Kernel >= 1 && b.Kernel <= largest && b.Kernel%2 == 1, path+".kernel", b.Kernel,
		"an odd number from 1 to %d (the kernel has a centre, and fits the smallest view)", largest)
	c.must(path+".kernel", "an odd number, at most twice the size of the smallest view less 1")
	c.interval(path+".sigma", b.Sigma, span{low: 0.01, high: 100})
}
