package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestEveryFieldIsExplained(t *testing.T) {
	fields := Fields()
	require.Greater(t, len(fields), 150)
	for _, f := range fields {
		require.Greater(t, len(f.Meaning), 15, "%s has no comment in package experiment", f.Path)
		require.NotContains(t, f.Meaning, "nil", f.Path)
		if f.kind == nil && (f.Type == "number" || f.Type == "whole number") && !unbounded[f.Path] {
			require.NotEmpty(t, f.Range, "%s is not checked against a range", f.Path)
		}
	}
}

// unbounded are numbers of which any will do, or whose range is no more than that of others.
var unbounded = map[string]bool{"seed": true, "pretrain.earlier_plans.until": true}

// A default is what Set and Parse start from, a path what Set takes.
func TestFieldsAreThoseOfASpec(t *testing.T) {
	for _, f := range Fields() {
		if f.kind != nil || f.Default == nil || f.Default == "" {
			continue
		}
		s := experiment.Default()
		require.NoError(t, experiment.Set(&s, f.Path+"="+experiment.Text(f.Default)), f.Path)
		if section, _, _ := strings.Cut(f.Path, "."); section != "linear_augmented" && section != "ablation" &&
			!strings.HasPrefix(f.Path, "augment.second_view") && f.Path != "pretrain.divergence.rate_factor" {
			require.Equal(t, experiment.Default(), s, f.Path)
		}
		twins := experiment.DefaultFor(experiment.BarlowTwins)
		require.NoError(t, experiment.Set(&twins, f.Path+"="+experiment.Text(f.Twins)), f.Path)
	}
}

func TestMeaningsSpeakOfKeys(t *testing.T) {
	c := readComments()
	meanings := map[string]string{}
	for _, f := range Fields() {
		meanings[f.Path] = f.Meaning
	}
	require.Contains(t, meanings["pretrain"], "A batch of batch_size images makes augment.views times as many views")
	require.Contains(t, meanings["compute.winograd"], "Winograd's algorithm")
	require.Contains(t, meanings["encoder.weights"], "absent, they are drawn from the seed")
	require.NotEmpty(t, c.of["Spec"])
}

func TestDocumentIsCurrent(t *testing.T) {
	const path = "../../docs/spec.md"
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(Markdown()), string(committed), "%s is old: run `go generate ./experiment/reference`", path)
}

func TestMarkdownIsWhole(t *testing.T) {
	text := string(Markdown())
	require.NotContains(t, text, "{{")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			require.Equal(t, 5, strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"), line)
		}
	}
	for _, link := range regexp.MustCompile(`\(#([a-z-]+)\)`).FindAllStringSubmatch(text, -1) {
		require.Contains(t, text, "\n## "+strings.ReplaceAll(link[1], "-", " ")+"\n")
	}
}

// specs are the defaults of both methods and every recipe.
func specs(t *testing.T) map[string]experiment.Spec {
	t.Helper()
	all := map[string]experiment.Spec{}
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		s := experiment.DefaultFor(method)
		s.Name = "defaults"
		all[method] = s
	}
	paths, err := filepath.Glob("../../configs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		all[filepath.Base(path)], err = experiment.Read(data, "")
		require.NoError(t, err)
	}
	return all
}

func TestCommentedSpecIsTheSameSpec(t *testing.T) {
	for name, s := range specs(t) {
		text := Commented(s)
		again, err := experiment.Read(text, "")
		require.NoError(t, err, "%s\n%s", name, text)
		require.Equal(t, s, again, name)
		require.Equal(t, s.Digest(), again.Digest(), name)
		for line := range strings.Lines(string(text)) {
			require.LessOrEqual(t, len([]rune(line)), 115, line)
		}
	}
}

// What is left out becomes part of the spec when its # is taken away, but for what somebody must fill in.
func TestWhatIsLeftOutCanBeSwitchedOn(t *testing.T) {
	for name, s := range specs(t) {
		text := regexp.MustCompile(`(?m)^( *)#(\w.*)$`).ReplaceAllStringFunc(string(Commented(s)), func(line string) string {
			if strings.HasSuffix(line, ":") && !regexp.MustCompile(`#(weights|second_view|linear_augmented|ablation|divergence|`+
				`optimizer|schedule|augment|crop|color_jitter|gaussian_blur|solarize|normalize):`).MatchString(line) ||
				strings.Contains(line, "…") || strings.Contains(line, "weights") {
				return ""
			}
			return strings.Replace(line, "#", "", 1)
		})
		got, err := experiment.Parse([]byte(text))
		require.NoError(t, err, "%s\n%s", name, text)
		want := s.Complete()
		want.Encoder.Weights = s.Encoder.Weights
		want.Pretrain.ProgressiveResizing, want.Finetune.ProgressiveResizing = s.Pretrain.ProgressiveResizing, s.Finetune.ProgressiveResizing
		want.Pretrain.EarlierPlans = nil
		require.Equal(t, want, got, name)
	}
}

func TestCommentedExplainsEachKindOnce(t *testing.T) {
	s := experiment.Default()
	s.Name = "first"
	text := string(Commented(s))
	require.Equal(t, 1, strings.Count(text, "η of LARS"))
	require.Equal(t, 1, strings.Count(text, "# one optimiser with all its constants"))
	require.Contains(t, text, "  # the number of images in a step. Range: 2 to 4096")
	require.Contains(t, text, fmt.Sprintf("\n  epochs: %d\n", s.Pretrain.Epochs))
	require.Contains(t, text, "\n  #second_view:\n    #crop:\n      #scale: [0.08, 1]\n")
}
