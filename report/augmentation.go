package report

import (
	"fmt"
	"strings"

	"twinview/experiment"
)

// transform is a row of the table of augmentations.
type transform struct {
	Name string
	// Meaning says in plain words what it does.
	Meaning string
	// Settings has one entry per column: a view, or fine-tuning.
	Settings []string
}

// transforms describes the distributions in the order in which a view's transforms are applied.
func transforms(size int, views []experiment.View) []transform {
	rows := []struct {
		name, meaning string
		setting       func(experiment.View) string
	}{
		{"Random resized crop", fmt.Sprintf("Cut out a random part of the image and scale it to %d × %d pixels.", size, size),
			func(v experiment.View) string {
				return fmt.Sprintf("area %s of the image, aspect ratio %s", span(v.Crop.Scale), span(v.Crop.Ratio))
			}},
		{"Horizontal flip", "Mirror left and right.",
			func(v experiment.View) string { return probability(v.Flip) }},
		{"Colour jitter", "Change brightness, contrast, saturation and hue, in random order.",
			func(v experiment.View) string { return jitter(v.Jitter) }},
		{"Grayscale", "Drop all colour.",
			func(v experiment.View) string { return probability(v.Grayscale) }},
		{"Gaussian blur", "Soften the image.",
			func(v experiment.View) string {
				return probability(v.Blur.Probability,
					fmt.Sprintf("kernel %d × %d", v.Blur.Kernel, v.Blur.Kernel), "σ "+span(v.Blur.Sigma))
			}},
		{"Solarise", "Invert the bright values.",
			func(v experiment.View) string {
				return probability(v.Solarize.Probability, fmt.Sprintf("from %v", v.Solarize.Threshold))
			}},
		{"Normalise", "Subtract the mean and divide by the standard deviation of each channel (red, green, blue).",
			func(v experiment.View) string {
				return fmt.Sprintf("mean %s, deviation %s", triple(v.Normalize.Mean), triple(v.Normalize.Std))
			}},
	}
	table := make([]transform, len(rows))
	for i, row := range rows {
		table[i] = transform{Name: row.name, Meaning: row.meaning}
		for _, v := range views {
			table[i].Settings = append(table[i].Settings, row.setting(v))
		}
	}
	return table
}

// resizing says which first epochs have views of another size, with what is needed to go on from a crop's settings.
func resizing(phases []experiment.ResizingPhase) string {
	text, first := "", 1
	for _, p := range phases {
		last := first + p.Epochs - 1
		text += fmt.Sprintf("; %d × %d pixels in epochs %d to %d", p.Size, p.Size, first, last)
		first = last + 1
	}
	return text
}

func jitter(j experiment.ColorJitter) string {
	return probability(j.Probability, fmt.Sprintf("brightness ±%v", j.Brightness), fmt.Sprintf("contrast ±%v", j.Contrast),
		fmt.Sprintf("saturation ±%v", j.Saturation), fmt.Sprintf("hue ±%v of a turn", j.Hue))
}

// probability says how often a transform is applied, and with what, unless it never is.
func probability(p float64, details ...string) string {
	switch p {
	case 0:
		return "not used"
	case 1:
		return strings.Join(append([]string{"always"}, details...), ", ")
	}
	return strings.Join(append([]string{fmt.Sprintf("in %.4g %% of images", 100*p)}, details...), ", ")
}

func span(bounds [2]float64) string { return fmt.Sprintf("%.3g to %.3g", bounds[0], bounds[1]) }

func triple(v [3]float64) string { return fmt.Sprintf("(%.4g, %.4g, %.4g)", v[0], v[1], v[2]) }
