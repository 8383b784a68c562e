package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"twinview/experiment"
)

// parsed is a page in the form that tests ask about.
type parsed struct {
	text     string
	elements map[string]int
	images   []string
}

func parse(t *testing.T, page []byte) parsed {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	p := parsed{elements: map[string]int{}}
	var text strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data != "style" {
				text.WriteString(n.Data + " ")
			}
		case html.ElementNode:
			p.elements[n.Data]++
			for _, a := range n.Attr {
				switch a.Key {
				case "src", "href", "srcset", "data", "action", "poster":
					require.True(t, strings.HasPrefix(a.Val, "data:image/png;base64,"), "%s loads %q", n.Data, a.Val)
					p.images = append(p.images, a.Val)
				}
				require.False(t, strings.HasPrefix(a.Key, "on"), "%s has %s", n.Data, a.Key)
			}
		}
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

func TestHTML(t *testing.T) {
	in := sampleInput(12, 5, 3)
	data, err := HTML(in)
	require.NoError(t, err)
	page := parse(t, data)

	require.Equal(t, 1, page.elements["h1"])
	require.Equal(t, len(drawings(in)), page.elements["svg"])
	pictures := 2*len(in.Views) + len(in.Exhibits.Neighbours)*(1+8)
	require.Equal(t, pictures, page.elements["img"])
	require.Len(t, page.images, pictures)
	require.Equal(t, 1, page.elements["math"])
	for _, said := range []string{
		"SimCLR on cifar10", "59.1 %", "58.2 % – 60.1 %",
		percent(*in.Result.Linear.Epochs[3].TestAccuracy), percent(*in.Result.Finetune.Epochs[2].TestAccuracy),
		"First epoch (1)", "6.3481", "Selected epoch (12)", "NT-Xent", "τ = 0.5",
		"45,000 for training, 5,000 for validation, 10,000 for the test", in.Result.Data.SHA256, "automobile",
		"Both views", "in 80 % of images, brightness ±0.4", "not used",
		"experiments/sample/simclr_best_epoch.pt", "validation kNN accuracy", "2,970 views/s", "2 worker processes",
		"Which classes are confused", "airplane for automobile (28 %)", "✓ cat", "✗ deer", "Map of test images",
		"2 cores of a test machine", "another test machine", "7 min 50 s", "32.8 kJ", "oneDNN 2.6.0", "starter run sample/spec.yaml",
	} {
		require.Contains(t, page.text, said)
	}
	yaml, err := in.Spec.YAML()
	require.NoError(t, err)
	require.Contains(t, page.text, strings.Join(strings.Fields(string(yaml)), " "), "every hyperparameter")

	again, err := HTML(in)
	require.NoError(t, err)
	require.Equal(t, data, again, "the same input gives the same bytes")
}

func TestHTMLLoadsNothing(t *testing.T) {
	data, err := HTML(sampleInput(3, 3, 3))
	require.NoError(t, err)
	page := parse(t, data)
	for _, element := range []string{"script", "link", "iframe", "object", "embed", "base", "form", "image", "use"} {
		require.Zero(t, page.elements[element], element)
	}
	rest := regexp.MustCompile(`data:image/png;base64,[^"]*`).ReplaceAllString(string(data), "")
	for _, address := range []string{"http:", "https:", "//", "@import", "url("} {
		require.False(t, strings.Contains(rest, address), address)
	}
	require.Contains(t, string(data), "default-src 'none'", "and a browser is told so")
}

func TestHTMLFollowsTheMethod(t *testing.T) {
	in := sampleInput(2, 2, 2)
	in.Spec = experiment.DefaultFor(experiment.BarlowTwins)
	data, err := HTML(in)
	require.NoError(t, err)
	page := parse(t, data)
	require.Contains(t, page.text, "Barlow Twins on cifar10")
	require.Contains(t, page.text, "λ = 0.0051")
	require.Contains(t, page.text, "First view Second view Fine-tuning")
	require.Contains(t, page.text, "always, kernel 3 × 3")
	require.NotContains(t, page.text, "NT-Xent")
}

func TestHTMLOfManyViews(t *testing.T) {
	in := sampleInput(2, 2, 2)
	in.Spec.Augment.Views = 4
	in.Spec.Augment.SecondView = new(in.Spec.Augment.FirstView)
	in.Spec.Augment.SecondView.Flip = 0
	in.Spec.Pretrain.ProgressiveResizing = []experiment.ResizingPhase{{Epochs: 1, Size: 24}}
	data, err := HTML(in)
	require.NoError(t, err)
	page := parse(t, data)
	require.Contains(t, page.text, "Odd views Even views Fine-tuning")
	require.Contains(t, page.text, "averaged over all 4N views and the twins of each")
	require.Equal(t, 2, strings.Count(page.text, "; 24 × 24 pixels in epochs 1 to 1"), "both views, not fine-tuning")
}

func TestHTMLEscapesHostileText(t *testing.T) {
	const hostile = `</style><script>alert(1)</script><img src="http://example.com/x" onerror=alert(1)>`
	in := sampleInput(2, 2, 2)
	clean, err := HTML(in)
	require.NoError(t, err)
	in.Spec.Name, in.Result.Experiment, in.Spec.Dataset.Source = hostile, hostile, hostile
	in.Result.Data.Name, in.Result.Data.Classes[0] = hostile, hostile
	in.Result.Best.Criterion, in.Result.Linear.Best.Criterion, in.Result.Best.Model.Key = hostile, hostile, hostile
	in.Spec.Pretrain.Optimizer.Name, in.Spec.Pretrain.Schedule.Name, in.Spec.Encoder.Architecture = hostile, hostile, hostile
	in.Hardware, in.Versions = hostile, map[string]string{hostile: hostile}

	data, err := HTML(in)
	require.NoError(t, err)
	page := parse(t, data)
	want, got := parse(t, clean).elements, page.elements
	for _, element := range []string{"script", "img", "style", "svg", "table"} {
		require.Equal(t, want[element], got[element], element)
	}
	require.Contains(t, page.text, hostile)
}

func TestHTMLWithoutLinearAndFinetuning(t *testing.T) {
	in := sampleInput(4, 0, 0)
	data, err := HTML(in)
	require.NoError(t, err)
	page := parse(t, data)
	require.Contains(t, page.text, "59.1 %", "kNN on the test split")
	for _, absent := range []string{"A linear classifier on the frozen", "Fine-tuned", "Linear accuracy", " 0.0 %"} {
		require.NotContains(t, page.text, absent)
	}
}

func TestLinearEvaluationWithAugmentationStandsInEveryOutput(t *testing.T) {
	in := withAugmented(sampleInput(3, 2, 2), 4)
	require.NoError(t, everything(t, in))
	data, err := HTML(in)
	require.NoError(t, err)
	text := parse(t, data).text
	require.Contains(t, text, "Linear, augmented")
	require.Contains(t, text, "Both views Linear evaluation Fine-tuning")
	require.Contains(t, text, percent(*in.Result.LinearAugmented.Epochs[2].TestAccuracy))

	in.Result.LinearAugmented = nil
	require.ErrorContains(t, everything(t, in), "result.linear_augmented.best.epoch: 0 is none of the 0 epochs")
}
