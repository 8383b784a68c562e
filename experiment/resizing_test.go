package experiment

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestViewSize(t *testing.T) {
	phases := []ResizingPhase{{Epochs: 2, Size: 16}, {Epochs: 1, Size: 24}}
	var sizes []int
	for epoch := range 5 {
		sizes = append(sizes, ViewSize(phases, epoch, 32))
	}
	require.Equal(t, []int{16, 16, 24, 32, 32}, sizes)
	require.Equal(t, 32, ViewSize(nil, 0, 32))
}

func TestParseProgressiveResizing(t *testing.T) {
	s := parse(t, `
name: a
pretrain:
  progressive_resizing:
    - {epochs: 10, size: 16}
    - epochs: 5
      size: 24
finetune: {progressive_resizing: []}
`)
	require.Equal(t, []ResizingPhase{{10, 16}, {5, 24}}, s.Pretrain.ProgressiveResizing)
	require.Nil(t, s.Finetune.ProgressiveResizing)
	require.NoError(t, s.Validate())
	data, err := s.YAML()
	require.NoError(t, err)
	require.Equal(t, s, parse(t, string(data)))

	for document, want := range map[string]string{
		"pretrain: {progressive_resizing: 5}":              "line 1, column 34: pretrain.progressive_resizing: must be a list of maps with the keys epochs, size",
		"pretrain: {progressive_resizing: [5]}":            "pretrain.progressive_resizing[0]: must be a map with some of the keys epochs, size",
		"pretrain: {progressive_resizing: [{size: 1.5}]}":  "pretrain.progressive_resizing[0].size: must be a whole number, not 1.5",
		"finetune: {progressive_resizing: [{epoch: 1}]}":   `finetune.progressive_resizing[0].epoch: unknown key; did you mean "epochs"?`,
		"finetune: {progressive_resizing: null}":           "finetune.progressive_resizing: has no value",
		"finetune: {progressive_resizing: [null]}":         "finetune.progressive_resizing[0]: has no value",
		"finetune: {progressive_resizing: {epochs: 1}}":    "finetune.progressive_resizing: must be a list of maps",
		"finetune: {progressive_resizing: [&x {size: 1}]}": "anchors, aliases and tags are not supported",
	} {
		_, err := Parse([]byte(document))
		require.ErrorContains(t, err, want)
	}
}

func TestSetProgressiveResizing(t *testing.T) {
	s := Default()
	require.NoError(t, Set(&s, "pretrain.progressive_resizing=[{epochs: 10, size: 16}, {epochs: 5, size: 24}]"))
	before := s
	require.NoError(t, Set(&s, "pretrain.progressive_resizing=[{epochs: 1, size: 8}]"))
	require.Equal(t, []ResizingPhase{{10, 16}, {5, 24}}, before.Pretrain.ProgressiveResizing, "a copy of the spec is not changed")
	require.Equal(t, []ResizingPhase{{1, 8}}, s.Pretrain.ProgressiveResizing)
	require.ErrorContains(t, Set(&s, "pretrain.progressive_resizing.size=8"), "pretrain.progressive_resizing: has no keys inside; set it as a whole")
	require.NoError(t, Set(&s, "pretrain.progressive_resizing=[]"))
	require.Equal(t, Default(), s)
}

func TestValidateProgressiveResizing(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"pretrain.progressive_resizing[1].epochs: 0 is out of range: must be 1 to 2000": func(s *Spec) {
			s.Pretrain.ProgressiveResizing = []ResizingPhase{{1, 16}, {0, 16}}
		},
		"pretrain.progressive_resizing[0].size: 7 is out of range: must be 8 to 256 (the encoder halves it three times)": func(s *Spec) {
			s.Pretrain.ProgressiveResizing = []ResizingPhase{{1, 7}}
		},
		"pretrain.progressive_resizing: 101 epochs are more than pretrain.epochs: shorten the list or raise pretrain.epochs, which is 100": func(s *Spec) {
			s.Pretrain.ProgressiveResizing = []ResizingPhase{{60, 16}, {41, 24}}
		},
		"finetune.progressive_resizing: 31 epochs are more than finetune.epochs": func(s *Spec) {
			s.Finetune.ProgressiveResizing = []ResizingPhase{{31, 16}}
		},
		"finetune.progressive_resizing[0].size: 257": func(s *Spec) {
			s.Finetune.ProgressiveResizing = []ResizingPhase{{1, 257}}
		},
		"augment.first_view.gaussian_blur.kernel: 33 is out of range: must be an odd number from 1 to 31 (the kernel has a centre, and fits the smallest view)": func(s *Spec) {
			s.Augment.FirstView.Blur.Kernel = 33
			s.Pretrain.ProgressiveResizing = []ResizingPhase{{1, 24}, {1, 16}}
		},
		"augment.second_view.gaussian_blur.kernel: 33": func(s *Spec) {
			s.Augment.SecondView = new(s.Augment.FirstView)
			s.Augment.SecondView.Blur.Kernel = 33
			s.Pretrain.ProgressiveResizing = []ResizingPhase{{1, 16}}
		},
		"finetune.augment.gaussian_blur.kernel: 33": func(s *Spec) {
			s.Finetune.Augment.Blur.Kernel = 33
			s.Finetune.ProgressiveResizing = []ResizingPhase{{1, 16}}
		},
	} {
		s := Default()
		s.Name = "a"
		change(&s)
		require.ErrorContains(t, s.Validate(), want)
	}
	s := Default()
	s.Name = "a"
	s.Augment.FirstView.Blur.Kernel = 33 // fits what pretraining has
	s.Pretrain.ProgressiveResizing = []ResizingPhase{{100, 64}}
	s.Finetune.ProgressiveResizing = []ResizingPhase{{10, 8}, {10, 24}, {9, 8}}
	require.NoError(t, s.Validate())
	s.Finetune.Epochs = 0 // left out, it keeps its phases
	require.NoError(t, s.Validate())
}

// Specs without phases have the JSON, and so the digests, that they had before there were any.
func TestNoPhasesLeaveNoTrace(t *testing.T) {
	data, err := json.Marshal(Default())
	require.NoError(t, err)
	require.NotContains(t, string(data), "progressive_resizing")
}
