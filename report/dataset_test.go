package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// withClasses is the sample with so many classes, of which each third is confused with the next.
func withClasses(n int) Input {
	in := sampleInput(10, 8, 6)
	in.Spec.Dataset.Name, in.Result.Data.Name = experiment.CIFAR100, experiment.CIFAR100
	in.Result.Data.Classes = nil
	for i := range n {
		in.Result.Data.Classes = append(in.Result.Data.Classes, fmt.Sprintf("class_%d_of_many", i))
	}
	confusion := func(right int) [][]int {
		counts := make([][]int, n)
		for i := range counts {
			counts[i] = make([]int, n)
			counts[i][i] = right - i%7
			counts[i][(i+1+i%3*5)%n] += 100 - counts[i][i]
		}
		return counts
	}
	in.Result.Test.LinearConfusion, in.Result.Test.FinetuneConfusion = confusion(60), confusion(80)
	for i := range in.Exhibits.Map.Class {
		in.Exhibits.Map.Class[i] = i * 7 % n
	}
	return in
}

func unlabelled() Input {
	in := sampleInput(10, 0, 0)
	in.Spec.Dataset = experiment.Dataset{Name: experiment.ImageFolder, Source: "photos", Labels: experiment.NoLabels}
	d := &in.Result.Data
	d.Name, d.Classes, d.Validation = experiment.ImageFolder, nil, 0
	in.Result.Test.KNNAccuracy, in.Result.Test.KNNTrainAccuracy = 0, 0
	in.Result.Best.Criterion, in.Result.Best.Value = experiment.CriterionLast, 4.6
	for i := range in.Result.Pretrain {
		in.Result.Pretrain[i].KNN = nil
	}
	for i := range in.Exhibits.Map.Class {
		in.Exhibits.Map.Class[i] = 0
	}
	for i := range in.Exhibits.Neighbours {
		x := &in.Exhibits.Neighbours[i]
		x.Class, x.Predicted = 0, 0
		for j := range x.Nearest {
			x.Nearest[j].Class = 0
		}
	}
	return in
}

// keep writes a report into the folder TWINVIEW_REPORTS, for people to look at.
func keep(t *testing.T, name string, in Input) (page, paper string) {
	t.Helper()
	html, err := HTML(in)
	require.NoError(t, err)
	pdf, err := PDF(in)
	require.NoError(t, err)
	if folder := os.Getenv("TWINVIEW_REPORTS"); folder != "" {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".html"), html, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".pdf"), pdf, 0o644))
	}
	return string(html), said(t, pdf)
}

// A hundred classes make no table of ten thousand numbers, but a picture, and words for what stands out.
func TestReportOfAHundredClasses(t *testing.T) {
	in := withClasses(100)
	page, paper := keep(t, "hundred", in)
	require.Equal(t, 2, strings.Count(page, `<img class="crowded"`))
	require.NotContains(t, page, `<table class="confusion">`)
	for _, text := range []string{page, paper} {
		require.Contains(t, text, "Recognised best: class_0_of_many (60 %)")
		require.Contains(t, text, "Of 100 classes, 10 have a colour of their own.")
		require.Contains(t, text, "100: class_0_of_many, class_1_of_many")
		require.Contains(t, text, "Guessing gets 1.0 %")
	}
	require.Less(t, len(page), 1_500_000)

	c, err := confusions(&in.Result)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(c[0].Picture))
	require.NoError(t, err)
	require.Equal(t, 400, picture.Bounds().Dx())
	requireColor(t, shade(0.6), picture.At(1, 1)) // the first class is right in 60 of 100
	requireColor(t, colorPaper, picture.At(399, 1))
	require.Equal(t, 10, strings.Count(c[0].Most, "%)"))
}

func requireColor(t *testing.T, want, got color.Color) {
	t.Helper()
	require.Equal(t, color.NRGBAModel.Convert(want), color.NRGBAModel.Convert(got))
}

func TestReportOfTwentyClasses(t *testing.T) {
	page, paper := keep(t, "twenty", withClasses(20))
	require.Equal(t, 2, strings.Count(page, `<table class="confusion">`))
	require.Contains(t, paper, "Most often taken for another class")
}

func TestReportWithoutLabels(t *testing.T) {
	in := unlabelled()
	page, paper := keep(t, "unlabelled", in)
	for _, text := range []string{page, paper} {
		require.Contains(t, text, "No image has a label")
		require.Contains(t, text, "none: the images have no labels")
		require.Contains(t, text, "What the encoder finds alike")
		require.NotContains(t, text, "of the test images right")
		require.NotContains(t, text, "Guessing")
		require.NotContains(t, text, "kNN accuracy during pretraining")
		require.NotContains(t, text, "✗")
	}
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	require.NotContains(t, m, "knn")
	var text strings.Builder
	require.NoError(t, Summary(&text, in.Spec, in.Result))
	require.Contains(t, text.String(), "No image has a label")
	require.NotContains(t, text.String(), "accuracy  ")
	_, err = Plots(in)
	require.NoError(t, err)
	require.NotContains(t, scalarsOf(&in.Result), "test")
	require.Nil(t, (&Compared{Spec: in.Spec, Result: in.Result, Tested: true}).knn())
}

// Guessing gets more where a class has more images than others.
func TestChanceOfClassesOfDifferentSizes(t *testing.T) {
	in := sampleInput(2, 2, 2)
	in.Result.Data.MostFrequent = 0.35
	page, _ := keep(t, "frequent", in)
	require.Contains(t, page, "Guessing gets 35.0 %")
}

func TestReportNamesResNet34(t *testing.T) {
	in := sampleInput(2, 2, 2)
	in.Spec.Encoder.Architecture = experiment.ResNet34
	page, _ := keep(t, "resnet34", in)
	require.Contains(t, page, "Encoder: ResNet-34 with a 3×3 stem")
}
