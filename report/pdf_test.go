package report

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// streams are the inflated streams of a PDF document: pages, fonts, pictures.
func streams(t *testing.T, pdf []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for _, part := range bytes.Split(pdf, []byte("\nstream\n"))[1:] {
		end := bytes.Index(part, []byte("\nendstream"))
		require.Positive(t, end)
		r, err := zlib.NewReader(bytes.NewReader(part[:end]))
		if err != nil {
			continue // a short stream, uncompressed
		}
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		all = append(all, data)
	}
	return all
}

// said are the texts that pages show, line by line. They are written as UTF-16.
func said(t *testing.T, pdf []byte) string {
	t.Helper()
	var text strings.Builder
	shown := regexp.MustCompile(`(?s)\((.*?[^\\])\) ?Tj`)
	for _, s := range streams(t, pdf) {
		for _, match := range shown.FindAllSubmatch(s, -1) {
			raw := regexp.MustCompile(`(?s)\\(.)`).ReplaceAll(match[1], []byte("$1"))
			for i := 0; i+1 < len(raw); i += 2 {
				text.WriteRune(rune(raw[i])<<8 | rune(raw[i+1]))
			}
			text.WriteByte('\n')
		}
	}
	return text.String()
}

func TestPDF(t *testing.T) {
	in := sampleInput(12, 5, 3)
	data, err := PDF(in)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte("%PDF-1.")))
	pages := len(regexp.MustCompile(`/Type /Page\n`).FindAll(data, -1))
	require.GreaterOrEqual(t, pages, 5)
	text := said(t, data)
	for _, want := range []string{
		"sample", "SimCLR on cifar10", "59.1 %", "58.2 % – 60.1 %", "The question", "First epoch (1)", "6.3481",
		"Pretraining loss", "Fine-tuning: accuracy", "Which classes are confused", "What the encoder finds alike",
		"= cat", "≠ deer", "Map of test images", in.Result.Data.SHA256, "Random resized crop", "Every hyperparameter",
		"temperature: 0.5", "evaluation_batch_size: ", "Energy", "32.8 kJ", "2 cores of a test machine",
		"another test machine", "How to reproduce it", "starter run sample/spec.yaml --name sample-again --watch",
		"1 / " + strconv.Itoa(pages), strconv.Itoa(pages) + " / " + strconv.Itoa(pages),
	} {
		require.Contains(t, text, want)
	}

	again, err := PDF(in)
	require.NoError(t, err)
	require.Equal(t, data, again, "the same input gives the same bytes")
}

// The spec can be copied from the paper: every line of it is there.
func TestPDFHoldsTheWholeSpec(t *testing.T) {
	in := sampleInput(2, 2, 2)
	data, err := PDF(in)
	require.NoError(t, err)
	lines := strings.Split(said(t, data), "\n")
	yaml, err := in.Spec.YAML()
	require.NoError(t, err)
	for line := range strings.Lines(string(yaml)) {
		require.Contains(t, lines, strings.TrimRight(line, "\n"))
	}
}

// A text that no line holds, letters that the fonts lack, and hundreds of rows.
func TestPDFOfUnusualInput(t *testing.T) {
	in := sampleInput(300, 200, 100)
	long := strings.Repeat("long", 200) + " 漢字 😀 \x00 (\\)"
	in.Spec.Name, in.Result.Experiment, in.Hardware = long, long, long
	in.Spec.Dataset.Source, in.Result.Best.Criterion = long, long
	in.Result.Data.Classes[3] = long
	in.Result.Artifacts = map[string]experiment.Artifact{}
	for i := range 100 {
		in.Result.Artifacts[strconv.Itoa(i)] = artifact("experiments/" + strconv.Itoa(i) + long)
	}
	data, err := PDF(in)
	require.NoError(t, err)
	require.Contains(t, said(t, data), "How to reproduce it")
}
