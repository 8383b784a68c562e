package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The names that other programs look for.
func TestMetricsSchema(t *testing.T) {
	in := sampleInput(7, 4, 2)
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))

	at := func(path ...string) any {
		var v any = m
		for _, name := range path {
			require.Contains(t, v, name, "%v", path)
			v = v.(map[string]any)[name]
		}
		return v
	}
	require.EqualValues(t, 1, at("schema"))
	require.Equal(t, in.Result.Data.SHA256, at("dataset", "sha256"))
	require.EqualValues(t, 10000, at("dataset", "test_images"))
	require.Len(t, at("pretrain", "loss"), 7)
	require.Equal(t, in.Result.Pretrain[6].Loss, at("pretrain", "loss").([]any)[6])
	require.Equal(t, []any{5., 7.}, at("pretrain", "knn", "epoch"), "monitored every 5 epochs, and at the end")
	require.Equal(t, 0.5912, at("knn", "test_accuracy"))
	require.Equal(t, *in.Result.Linear.Epochs[2].TestAccuracy, at("linear", "test_accuracy"), "of the selected epoch")
	require.Equal(t, *in.Result.Finetune.Epochs[1].TestAccuracy, at("finetune", "test_accuracy"))
	require.Equal(t, "validation accuracy", at("linear", "selected", "criterion"))
	require.EqualValues(t, 3, at("linear", "selected", "epoch"))
	for _, protocol := range []string{"knn", "linear", "finetune"} {
		require.NotEmpty(t, at(protocol, "protocol"))
		require.EqualValues(t, 10000, at(protocol, "test_images"))
		accuracy := at(protocol, "test_accuracy")
		require.Less(t, at(protocol, "test_interval", "low"), accuracy)
		require.Greater(t, at(protocol, "test_interval", "high"), accuracy)
	}
	for _, curve := range []string{"train", "validation", "test"} {
		require.Len(t, at("linear", "curves", curve+"_loss"), 4)
		require.Len(t, at("finetune", "curves", curve+"_accuracy"), 2)
	}
	require.Equal(t, "cosine", at("knn", "similarity"))
	require.EqualValues(t, 45000, at("knn", "validation_neighbours"))
	require.EqualValues(t, 5000, at("knn", "validation_images"))
	require.Equal(t, "linear evaluation on precomputed features", at("linear", "name"))
	require.Equal(t, []any{0., 0., 0., 0., 1.25, 0., 1.25}, at("throughput", "pretrain_knn_seconds"))
	require.InDelta(t, 2.5/(7*30.25+2.5), at("throughput", "knn_share"), 1e-9)
	require.InDelta(t, 2970, at("throughput", "views_per_second"), 1e-9)
	require.Equal(t, in.Result.Best.Model.SHA256, at("artifacts", "pretrain_model", "sha256"))
}

// A protocol that was not run has no figures, not even zeros.
func TestMetricsOfLeftOutProtocols(t *testing.T) {
	in := sampleInput(7, 0, 0)
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	require.Contains(t, m, "knn")
	require.NotContains(t, m, "linear")
	require.NotContains(t, m, "finetune")
	require.NotContains(t, string(data), "linear_seconds")

	in = sampleInput(7, 4, 0)
	in.Result.Linear.Epochs = nil
	_, err = Metrics(in.Spec, in.Result)
	require.ErrorContains(t, err, "result.linear.best.epoch: 3 is none of the 0 epochs")
}

// Every name in the file, so that none changes or disappears unnoticed. REPORT_UPDATE=1 writes the list anew.
func TestMetricsGolden(t *testing.T) {
	in := withAblation(withAugmented(sampleInput(7, 4, 2), 3))
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m any
	require.NoError(t, json.Unmarshal(data, &m))
	got := strings.Join(names("", m), "\n") + "\n"

	path := filepath.Join("testdata", "metrics.txt")
	if os.Getenv("REPORT_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// names lists the paths of all values in a JSON document with their types, in order; a list has that of its first element.
func names(path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, names(path+"."+name, v[name])...)
		}
		return all
	case []any:
		return names(path+"[]", v[0])
	}
	return []string{fmt.Sprintf("%s %T", path[1:], v)}
}
