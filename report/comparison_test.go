package report

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// compared are an experiment with everything, one of the other method with less, and one that still pretrains.
func compared() []Compared {
	in := withAblation(withAugmented(sampleInput(12, 10, 6), 4))
	whole := Compared{Name: "first", Status: "finished", Spec: in.Spec, Result: in.Result, Tested: true}
	in = sampleInput(10, 8, 0)
	twins := Compared{Name: "twins", Status: "finished", Spec: experiment.DefaultFor(experiment.BarlowTwins), Result: in.Result, Tested: true}
	in = sampleInput(6, 0, 0)
	in.Spec.Method.Temperature = 0.2
	going := Compared{Name: "going", Status: "running: pretrain, 6 of 12 epochs", Spec: in.Spec}
	going.Result.Pretrain, going.Result.Data = in.Result.Pretrain, in.Result.Data
	return []Compared{whole, twins, going}
}

func TestScoresAreTestedOrTheBestSoFar(t *testing.T) {
	c := Compare(compared())
	names := func(i int) (all []string) {
		for _, s := range c.Experiments[i].Accuracies {
			all = append(all, s.Name)
		}
		return all
	}
	require.Equal(t, []string{
		"kNN", "Linear", "Linear, augmented", "Fine-tuned", "1 % of labels, pretrained", "1 % of labels, from scratch",
	}, names(0))
	require.Equal(t, []string{"kNN", "Linear"}, names(1))
	require.Equal(t, []string{"kNN"}, names(2))

	knn := c.Experiments[0].Accuracies[0]
	require.Equal(t, Score{
		Protocol: "knn", Name: "kNN", Split: "test", Accuracy: 0.5912, Interval: new(Wilson(0.5912, 10000)), Images: 10000, Epoch: 12,
	}, knn)
	require.Equal(t, "59.1 % (58.2 – 60.1)", knn.text())
	so := c.Experiments[2].Accuracies[0]
	require.Equal(t, Score{Protocol: "knn", Name: "kNN", Split: "validation", Accuracy: knnAt(6), Images: 5000, Epoch: 6}, so)
	require.Equal(t, percent(knnAt(6))+" on validation, so far", so.text())

	unlabelled := compared()[0]
	unlabelled.Spec.Dataset.Labels = experiment.NoLabels
	require.Nil(t, unlabelled.knn(), "there was nothing to measure")

	linear := compared()[0]
	linear.Tested = false
	s := linear.classifier(protocolLinear, "Linear", &linear.Result.Linear)
	require.Equal(t, "validation", s.Split)
	require.Equal(t, 10, s.Epoch, "the best epoch, whatever was selected")
}

func TestComparisonForPrograms(t *testing.T) {
	data, err := json.Marshal(Compare(compared()))
	require.NoError(t, err)
	var c Comparison
	require.NoError(t, json.Unmarshal(data, &c))
	require.Len(t, c.Experiments, 3)
	require.Len(t, c.Experiments[0].Loss, 12)
	require.Equal(t, []int{5, 6}, c.Experiments[2].KNN.Epoch)
	require.Len(t, c.Experiments[0].Finetune.ValidationAccuracy, 6)
	require.Nil(t, c.Experiments[1].Finetune)
	i := slices.IndexFunc(c.Differences, func(d experiment.Difference) bool { return d.Path == "method.temperature" })
	require.Equal(t, []any{0.5, 0.5, 0.2}, c.Differences[i].Values)

	data, err = json.Marshal(Compare([]Compared{{Name: "a"}, {Name: "b"}}))
	require.NoError(t, err)
	require.NotContains(t, string(data), "null", "lists are never null")
}

func TestComparisonOverlaysCurves(t *testing.T) {
	plots, err := ComparisonPlots(compared())
	require.NoError(t, err)
	want := map[string][]string{
		"pretrain-loss-simclr.svg":       {"Pretraining loss: SimCLR", "first", "going", "12", "loss (nats)"},
		"pretrain-loss-barlow-twins.svg": {"Pretraining loss: Barlow Twins", "twins", "loss"},
		"pretrain-knn.svg":               {"first", "twins", "going", "accuracy (%)"},
		"linear-accuracy.svg":            {"first", "twins", "10"},
		"linear-augmented-accuracy.svg":  {"first"},
		"finetune-accuracy.svg":          {"first"},
		"finetune-loss.svg":              {"first"},
	}
	require.Len(t, plots, 2*len(want))
	for file, said := range want {
		require.Subset(t, texts(t, plots[file]), said, file)
		_, err := png.Decode(bytes.NewReader(plots[strings.TrimSuffix(file, "svg")+"png"]))
		require.NoError(t, err)
	}
	require.NotContains(t, texts(t, plots["pretrain-loss-simclr.svg"]), "twins")
	require.NotContains(t, texts(t, plots["linear-accuracy.svg"]), "going", "it has not come so far")

	same := compared()[:1]
	same = append(same, same[0])
	plots, err = ComparisonPlots(same)
	require.NoError(t, err)
	require.Contains(t, texts(t, plots["pretrain-loss.svg"]), "Pretraining loss")
	plots, err = ComparisonPlots([]Compared{{Name: "a"}, {Name: "b"}})
	require.NoError(t, err)
	require.Empty(t, plots, "nothing has been computed")
}

func TestComparisonLeavesOutWhatIsNoNumber(t *testing.T) {
	all := compared()
	all[0].Result.Pretrain[3].Loss = math.NaN()
	all[0].Result.Pretrain[4].Loss = math.Inf(1)
	plots, err := ComparisonPlots(all)
	require.NoError(t, err)
	require.NotContains(t, string(plots["pretrain-loss-simclr.svg"]), "NaN")
}

func TestComparedCurvesLookDifferent(t *testing.T) {
	seen := map[string]int{}
	for i := range 100 {
		s := comparedStyle(i)
		key := strings.Join([]string{cssHex(classColors[i%len(classColors)]), string(rune('a' + len(s.dashes))), string(rune('a' + i%len(comparedGlyphs)))}, " ")
		before, ok := seen[key]
		require.False(t, ok, "%d looks as %d", i, before)
		seen[key] = i
	}
}

// Many or long names take more rows, and the figure grows by them.
func TestLegendWraps(t *testing.T) {
	f := comparedFigures(compared())[2]
	require.Equal(t, 1, f.legendRows())
	_, low := f.size()
	for range 7 {
		f.curves = append(f.curves, curve{"an-experiment-with-a-name", comparedStyle(1), f.curves[0].points})
	}
	f.curves = append(f.curves, curve{strings.Repeat("a-very-long-name-", 8), comparedStyle(1), f.curves[0].points})
	require.Greater(t, f.legendRows(), 3)
	_, high := f.size()
	require.InDelta(t, float64(low)+float64(f.legendRows()-1)*float64(legendHeight), float64(high), 1e-9)
	for _, e := range f.legend() {
		require.LessOrEqual(t, float64(e.x+thumbnail+legendGap+style(textSize, colorInk).Width(e.label)), float64(legendWidth)+1e-9)
	}
	_, err := drawPNG(f)
	require.NoError(t, err)
}

func TestComparisonPage(t *testing.T) {
	all := compared()
	data, err := ComparisonHTML(all)
	require.NoError(t, err)
	page := parse(t, data)
	require.Equal(t, len(comparedFigures(all)), page.elements["svg"])
	for _, said := range []string{
		"first, twins, going", "running: pretrain, 6 of 12 epochs", "59.1 %", "58.2 – 60.1 %, epoch 12", "validation, best so far, epoch 6",
		"method.temperature", "1 % of labels, pretrained", "left out", "Barlow Twins",
	} {
		require.Contains(t, page.text, said)
	}
	for _, element := range []string{"script", "link", "iframe", "img"} {
		require.Zero(t, page.elements[element], element)
	}
	require.NotRegexp(t, "https?:", string(data), "it loads nothing")
	again, err := ComparisonHTML(compared())
	require.NoError(t, err)
	require.Equal(t, data, again)

	const hostile = `"><script>alert(1)</script>`
	all[0].Name, all[1].Status, all[2].Spec.Dataset.Source = hostile, hostile, hostile
	data, err = ComparisonHTML(all)
	require.NoError(t, err)
	require.Zero(t, parse(t, data).elements["script"])
	require.Contains(t, parse(t, data).text, hostile)
}

func TestComparisonSummary(t *testing.T) {
	all := compared()
	var out bytes.Buffer
	require.NoError(t, ComparisonSummary(&out, Compare([]Compared{all[0], all[2]})))
	lines := strings.Split(out.String(), "\n")
	require.Equal(t, []string{"first", "going"}, strings.Fields(lines[0]))
	for _, said := range []string{
		"status                       finished", "running: pretrain, 6 of 12 epochs", "59.1 % (58.2 – 60.1)", "on validation, so far",
		"what differs        first ", "method.temperature  0.5 ", "ablation ", "left out", "95 % intervals",
	} {
		require.Contains(t, out.String(), said)
	}
	for _, line := range lines {
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	out.Reset()
	require.NoError(t, ComparisonSummary(&out, Compare([]Compared{all[0], all[0]})))
	require.Contains(t, out.String(), "The specs are equal but for their names.")
}

// What metrics.json tells is all that a comparison needs.
func TestMetricsAreReadBack(t *testing.T) {
	for _, in := range []Input{withAblation(withAugmented(sampleInput(12, 10, 6), 4)), sampleInput(3, 0, 2)} {
		data, err := Metrics(in.Spec, in.Result)
		require.NoError(t, err)
		r, err := ReadMetrics(data)
		require.NoError(t, err)
		require.Equal(t, in.Result.Data.Archive, r.Data.Archive)
		require.Equal(t,
			Compare([]Compared{{Name: "a", Spec: in.Spec, Result: in.Result, Tested: true}}),
			Compare([]Compared{{Name: "a", Spec: in.Spec, Result: r, Tested: true}}))
	}
	_, err := ReadMetrics([]byte(`{"schema": 99}`))
	require.ErrorAs(t, err, new(*experiment.VersionError))
	_, err = ReadMetrics([]byte(`[`))
	require.ErrorContains(t, err, "read metrics.json")
	r, err := ReadMetrics([]byte(`{"schema": 1, "pretrain": {"loss": [1, 2], "knn": {"epoch": [0, 9, 2], "validation_accuracy": [0.1]}}}`))
	require.NoError(t, err, "lists of other lengths than they should have")
	require.Len(t, r.Pretrain, 3)
}
