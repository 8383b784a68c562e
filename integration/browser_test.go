package integration

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/browsertest"
	"twinview/integration/temporaltest"
)

// Temporal's web UI is the dashboard: lists have what experiments are and how they do, a page the epochs, metrics and files, and
// the view that a link names stays in the browser. TWINVIEW_SCREENSHOTS=docs/images keeps what it looks like.
func TestExperimentInTheBrowser(t *testing.T) {
	b := browsertest.Open(t, 1400, 1000)
	s := startStackOn(t, temporaltest.StartWithUI(t))
	s.env = append(s.env, "TEMPORAL_UI_ADDRESS="+s.temporal.UI)
	s.must(t, "doctor", "--fix", "--only", "attributes")
	s.start(t, "worker", "--threads", "1", "--cache", t.TempDir(), "--artifacts-url", "https://files.example/simclr")
	// One that is held in the middle, and one that goes to its end. Neither has much to do: this is about pages.
	spec := tinySpec(t, "dataset: {name: synthetic, train_images: 200, validation_images: 50, test_images: 50}\n")
	s.must(t, "run", spec, "--name", "held", "--set", "pretrain.epochs=400")
	s.awaitEpoch(t, "held", 2)
	s.must(t, "pause", "held")
	s.must(t, "run", spec, "--name", "first", "--watch")

	b.Visit(t, s.temporal.UI+"/namespaces/default/workflows/held")
	b.Await(t, "Running", "held", "pretraining of resnet18 with simclr on synthetic, 400 epochs", "prepare synthetic")
	b.Click(t, "User Metadata")
	b.Await(t, "simclr on synthetic: resnet18, 400 epochs", "projector:", "Stage pretrain, epoch", "paused", "starter watch held",
		"Pretraining: ", "newest checkpoint of pretraining")
	b.Screenshot(t, "web-ui-running")

	b.Visit(t, s.temporal.UI+"/namespaces/default/workflows/first")
	b.Await(t, "Completed", "evaluation: kNN, linear, finetune")
	b.Screenshot(t, "web-ui-history")
	b.Click(t, "User Metadata")
	b.Await(t, "Stage done", "Test split", "fine-tuning", "Files", "experiments/first/report.html")
	b.Screenshot(t, "web-ui-details")

	b.Visit(t, s.view(t, "Paused"))
	b.Await(t, "1 Workflow", "held", "Custom Views", "Paused")
	b.Visit(t, s.view(t, "SimCLR"))
	b.Await(t, "2 Workflows", "held", "first", "SimCLR")
	b.Screenshot(t, "web-ui-list")
	b.Visit(t, strings.Split(s.view(t, "SimCLR"), "?")[0])
	b.Await(t, "Custom Views", "Paused", "SimCLR")
}

// view is the link to a saved view.
func (s *stack) view(t *testing.T, name string) string {
	t.Helper()
	var views []struct{ Name, URL string }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "views", "-o", "json")), &views))
	for _, v := range views {
		if v.Name == name {
			return v.URL
		}
	}
	t.Fatalf("there is no view %q", name)
	return ""
}
