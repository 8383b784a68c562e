package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDifferencesAreThoseOfMeaning(t *testing.T) {
	a, b := Default(), Default()
	a.Name, b.Name = "a", "b"
	b.Augment.Views = 2
	b.Augment.SecondView = new(b.Augment.FirstView)
	require.Empty(t, Differences(a, b), "names, and what is only written differently")
	require.Empty(t, Differences(a))

	b.Augment.FirstView.Crop.Scale[0] = 0.2
	b.Method.Temperature = 0.2
	c := b
	c.Ablation = new(defaultAblation(a.Dataset))
	c.Pretrain.ProgressiveResizing = []ResizingPhase{{Epochs: 2, Size: 16}}
	require.Equal(t, []Difference{
		{"method.temperature", []any{0.5, 0.2, 0.2}},
		{"augment.first_view.crop.scale", []any{[2]float64{0.08, 1}, [2]float64{0.2, 1}, [2]float64{0.2, 1}}},
		{"pretrain.progressive_resizing", []any{[]ResizingPhase(nil), []ResizingPhase(nil), c.Pretrain.ProgressiveResizing}},
		{"ablation", []any{nil, nil, c.Ablation}},
	}, Differences(a, b, c))

	d := c
	d.Ablation = new(defaultAblation(a.Dataset))
	d.Ablation.Epochs = 3
	d.Augment.SecondView, c.Augment.SecondView = nil, nil
	require.Equal(t, []Difference{{"ablation.epochs", []any{10, 3}}}, Differences(c, d))
	d.Ablation, d.Augment.FirstView.Flip = c.Ablation, 0.25
	require.Equal(t, []Difference{{"augment.first_view.flip_probability", []any{0.5, 0.25}}}, Differences(c, d), "once")
}

func TestTextIsThatOfASpec(t *testing.T) {
	for want, value := range map[string]any{
		"lars": LARS, `""`: "", "2": 2.0, "[0.08, 1]": [2]float64{0.08, 1}, "1e-06": 1e-6, "true": true, "": nil, "2x2": "2x2", `"5"`: "5",
		"[{epochs: 2, size: 16}]": []ResizingPhase{{2, 16}}, "[]": []float64{},
	} {
		require.Equal(t, want, Text(value))
	}
	s := Default()
	for _, value := range []any{s.Method, s.Augment.FirstView, s.Pretrain.Optimizer} {
		require.NotContains(t, Text(value), "\n")
	}
}
