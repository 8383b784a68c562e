package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// texts are the texts of an SVG document, which must be well-formed.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var found []string
	inText := false
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			inText = e.Name.Local == "text"
		case xml.CharData:
			if inText && strings.TrimSpace(string(e)) != "" {
				found = append(found, string(e))
			}
		case xml.EndElement:
			inText = false
		}
	}
}

func TestPlots(t *testing.T) {
	plots, err := Plots(sampleInput(12, 10, 1))
	require.NoError(t, err)
	want := map[string][]string{
		"pretrain-loss.svg":          {"Pretraining loss", "train", "loss (nats)", "epoch", "selected: epoch 12", "2"},
		"pretrain-knn.svg":           {"validation", "accuracy (%)", "12"},
		"pretrain-learning-rate.svg": {"lars, cosine", "learning rate"},
		"pretrain-throughput.svg":    {"views per second", "0"},
		"linear-loss.svg":            {"train", "validation", "test", "loss (nats)", "selected: epoch 8", "10"},
		"linear-accuracy.svg":        {"train", "validation", "test", "accuracy (%)"},
		"finetune-loss.svg":          {"train", "validation", "test", "selected: epoch 1"},
		"finetune-accuracy.svg":      {"train", "validation", "test", "1"},
		"test-map.svg":               {"Map of test images", "airplane", "truck"},
	}
	require.Len(t, plots, 2*len(want), "each as SVG and PNG")
	for file, said := range want {
		picture, err := png.Decode(bytes.NewReader(plots[strings.TrimSuffix(file, "svg")+"png"]))
		require.NoError(t, err)
		require.Greater(t, picture.Bounds().Dx(), 1000, "pixels")
		require.Subset(t, texts(t, plots[file]), said, file)
		require.NotContains(t, string(plots[file]), "NaN", file)
		require.NotContains(t, string(plots[file]), "Inf", file)
	}
}

// Curves can be told apart without colour.
func TestCurveStylesDiffer(t *testing.T) {
	styles := []curveStyle{train, validation, test}
	for i, a := range styles {
		for _, b := range styles[:i] {
			require.NotEqual(t, a.color, b.color)
			require.NotEqual(t, a.dashes, b.dashes)
			require.NotEqual(t, a.glyph, b.glyph)
		}
	}
}

// In the page, every colour is one of the style sheet's, or it would not follow the dark theme.
func TestInlineColors(t *testing.T) {
	in := sampleInput(3, 3, 3)
	for _, d := range drawings(in) {
		data, err := drawSVG(d)
		require.NoError(t, err)
		page := inline(data, d)
		require.NotContains(t, page, "#")
		require.NotContains(t, page, "<?xml")
		require.Contains(t, page, "var(--")
		for _, part := range strings.Split(page, "var(--")[1:] {
			name, _, _ := strings.Cut(part, ")")
			require.Equal(t, 3, strings.Count(styleSheet, "--"+name+":"), "%s: light, dark and print", name)
		}
	}
}
