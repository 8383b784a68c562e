package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, document string) Spec {
	t.Helper()
	s, err := Parse([]byte(document))
	require.NoError(t, err)
	return s
}

func TestParseFillsInDefaults(t *testing.T) {
	want := Default()
	want.Name = "a"
	want.Pretrain.Optimizer.LearningRate = 1e-3
	want.Augment.FirstView.Crop.Scale = [2]float64{0.2, 1}
	want.Dataset.Source = "5"
	want.Finetune.Optimizer.Nesterov = false
	want.Seed = 18446744073709551615
	require.Equal(t, want, parse(t, `
# all forms of one thing
name: a
seed: 18446744073709551615
dataset: {source: "5"}
pretrain: {optimizer: {learning_rate: 1e-3}}
augment:
  first_view:
    crop:
      scale:
      - 0.2
      - 1
finetune: {optimizer: {nesterov: false}}
`))
}

func TestParseTakesTheMethodsDefaults(t *testing.T) {
	s := parse(t, "name: a\nmethod: {name: barlow_twins, lambda: 0.01}")
	require.Equal(t, Projector{Layers: 3, Hidden: 2048, Output: 2048}, s.Method.Projector)
	require.Equal(t, 0.01, s.Method.Lambda)
	require.Equal(t, 256, s.Pretrain.BatchSize)
	require.Equal(t, 0.2, s.Augment.SecondView.Solarize.Probability)
}

func TestParseSecondView(t *testing.T) {
	require.Nil(t, parse(t, "augment: {first_view: {flip_probability: 0}}").Augment.SecondView, "absent")

	// The first view counts as written, wherever it stands.
	s := parse(t, "augment:\n  second_view: {grayscale_probability: 0.7}\n  first_view: {flip_probability: 0.3}")
	want := Default().Augment.FirstView
	want.Flip = 0.3
	require.Equal(t, want, s.Augment.FirstView)
	want.Grayscale = 0.7
	require.Equal(t, want, *s.Augment.SecondView, "partial: over the first view")

	const twins = "method: {name: barlow_twins}\n"
	s = parse(t, twins+"augment: {second_view: {flip_probability: 0}}")
	require.Equal(t, 0.2, s.Augment.SecondView.Solarize.Probability, "partial: over the method's own")
	require.Nil(t, parse(t, twins+"augment: {second_view: null}").Augment.SecondView, "null: equal to the first")
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ document, want string }{
		"empty":              {"", "the spec is empty"},
		"comments only":      {"# nothing\n---\n# here", "the spec is empty"},
		"two documents":      {"name: a\n---\nname: b", "line 3: a second document begins here"},
		"no map":             {"- name", "line 1, column 1: the spec: must be a map"},
		"text":               {"simclr", "the spec: must be a map with some of the keys name, seed"},
		"no YAML":            {"name: a\nseed: [1", "line 2, column 7: sequence end token ']' not found"},
		"same key twice":     {"name: a\nname: b", "line 2, column 1: mapping key \"name\" already defined"},
		"same key in a flow": {"knn: {k: 1, k: 2}", "already defined"},

		"unknown key":        {"name: a\npretrain:\n  epochs: 3\n  batchsize: 8", `line 4, column 3: pretrain.batchsize: unknown key; did you mean "batch_size"?`},
		"key too high":       {"pretrain: {learning_rate: 1}", `line 1, column 12: pretrain.learning_rate: unknown key; did you mean "pretrain.optimizer.learning_rate"?`},
		"unlike any key":     {"knn: {metric: cosine}", "knn.metric: unknown key; the keys here are k, every_epochs, train_images, validation_images"},
		"key in a second":    {"augment: {second_view: {flip: 1}}", "augment.second_view.flip: unknown key"},
		"key that's no text": {"5: 6", "5: unknown key"},
		"merge key":          {"<<: {name: a}", "<<: unknown key"},

		"fraction":         {"pretrain:\n  epochs: 1.5", "line 2, column 11: pretrain.epochs: must be a whole number, not 1.5"},
		"quoted number":    {"knn: {k: '5'}", `knn.k: must be a whole number, not "5"`},
		"word":             {"knn: {k: many}", `knn.k: must be a whole number, not "many"`},
		"truth value":      {"knn: {k: true}", "knn.k: must be a whole number, not true"},
		"octal":            {"knn: {k: 0o17}", "knn.k: must be a whole number, not"},
		"huge":             {"knn: {k: 99999999999999999999}", "knn.k: must be a whole number"},
		"negative seed":    {"seed: -1", "seed: must be a whole number from 0 to 18446744073709551615, not -1"},
		"list for number":  {"knn: {k: [1]}", "knn.k: must be a whole number, not a list"},
		"map for number":   {"method: {lambda: {a: 1}}", "method.lambda: must be a finite number, not a map"},
		"NaN":              {"method: {temperature: .nan}", "method.temperature: must be a finite number, not .nan"},
		"infinity":         {"method: {temperature: -.inf}", "method.temperature: must be a finite number, not -.inf"},
		"too big":          {"method: {temperature: 1e999}", "method.temperature: must be a finite number"},
		"yes":              {"linear: {optimizer: {nesterov: yes}}", `linear.optimizer.nesterov: must be true or false, not "yes"`},
		"number for text":  {"name: 5", "name: must be a string, not 5"},
		"number for a map": {"pretrain: 5", "pretrain: must be a map with some of the keys epochs, batch_size, optimizer, schedule"},
		"short list":       {"augment: {first_view: {crop: {scale: [0.1]}}}", "augment.first_view.crop.scale: must be a list of 2 numbers, such as [0.08, 1]"},
		"long list":        {"augment: {first_view: {crop: {scale: [0.1, 1, 2]}}}", "must be a list of 2 numbers"},
		"number for list":  {"augment: {first_view: {crop: {scale: 0.1}}}", "must be a list of 2 numbers"},
		"word in a list":   {"linear:\n  optimizer:\n    betas: [0.9, x]", `line 3, column 18: linear.optimizer.betas[1]: must be a finite number, not "x"`},
		"no value":         {"name: a\nseed:\n", "line 2, column 7: seed: has no value; remove the key to get its default"},
		"null":             {"pretrain: null", "pretrain: has no value"},
		"alias":            {"knn: &x {k: 1}\nmethod: *x", "knn: anchors, aliases and tags are not supported"},
		"tag":              {"name: !!str 5", "name: anchors, aliases and tags are not supported"},
		"too long":         {"# " + strings.Repeat("x", maxSpecBytes), "at most 32768 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(c.document))
			require.ErrorContains(t, err, c.want)
			require.Zero(t, s)
		})
	}
}

func TestParseNamesEverythingThatIsWrongInItsOrder(t *testing.T) {
	_, err := Parse([]byte("name: a\nseed: x\nknn:\n  kk: 1\n  every_epochs: 1.5\nencoder: {width: []}\n"))
	require.EqualError(t, err, `line 2, column 7: seed: must be a whole number from 0 to 18446744073709551615, not "x"
line 4, column 3: knn.kk: unknown key; did you mean "k"?
line 5, column 17: knn.every_epochs: must be a whole number, not 1.5
line 6, column 18: encoder.width: must be a whole number, not a list`)
}

func TestConfigsAreValid(t *testing.T) {
	paths, err := filepath.Glob("../configs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			s := parse(t, string(data))
			require.NoError(t, s.Validate())
			require.Equal(t, strings.TrimSuffix(filepath.Base(path), ".yaml"), s.Name)
		})
	}
}

// TestBarlowTwinsConfigDiffersInSolarisingOnly holds the recipe to solo-learn's asymmetric.yaml.
func TestBarlowTwinsConfigDiffersInSolarisingOnly(t *testing.T) {
	data, err := os.ReadFile("../configs/barlow-twins-1000.yaml")
	require.NoError(t, err)
	a := parse(t, string(data)).Augment
	want := a.FirstView
	want.Solarize.Probability = 0.2
	require.Equal(t, want, *a.SecondView)
}

func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("../configs/*.yaml")
	require.NoError(f, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("name: \"\\x00\"\ndataset: {source: |\n  a\n  b}\n---\n...\n"))
	f.Add([]byte("<<: *a\n? [b]\n: !!map {}"))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := Parse(document)
		if err != nil {
			return
		}
		again, err := s.YAML()
		require.NoError(t, err)
		back, err := Parse(again)
		require.NoError(t, err, "%s", again)
		require.Equal(t, s, back)
	})
}

// A spec of the largest size that is nothing but nesting, anchors and aliases is refused at once, in little memory.
func TestParseIsBounded(t *testing.T) {
	repeat := func(begin, part, end string) string {
		return begin + strings.Repeat(part, (maxSpecBytes-len(begin)-len(end))/len(part)) + end
	}
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 8), c-1)
	}
	for name, document := range map[string]string{
		"lists":            repeat("name: ", "[", ""),
		"maps":             repeat("name: ", "{a: ", ""),
		"sequences":        repeat("", "- ", ""),
		"complex keys":     repeat("", "? ", ""),
		"anchors":          repeat("name: ", "&a ", "x"),
		"tags":             repeat("name: ", "!!map ", "x"),
		"aliases":          repeat("name: &a x\nseed: [", "*a,", "*a]"),
		"merge keys":       repeat("name: &a {x: y}\n", "<<: *a\n", ""),
		"a long name":      repeat("name: &", "a", " x"),
		"billion laughs":   laughs,
		"itself":           "name: &a [*a]\n",
		"quotes":           repeat("name: ", "\"", ""),
		"block scalars":    repeat("", "a: |\n", ""),
		"indentation":      repeat("", "a:\n ", ""),
		"lists in lines":   repeat("name:\n", "- [{a: [\n", ""),
		"documents":        repeat("", "---\n", ""),
		"directives":       repeat("", "%YAML 1.2\n", ""),
		"carriage returns": repeat("name: x", "\r", "y"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := Parse([]byte(document))
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			t.Logf("%v, %d MB", time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
		})
	}
	_, err := Parse([]byte(repeat("name: ", "x", "") + strings.Repeat("x", 6)))
	require.ErrorContains(t, err, "at most 32768 are allowed")
}
