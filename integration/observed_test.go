package integration

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"twinview/experiment"
	"twinview/loopback"
)

// A worker that carries out an experiment says on its metrics what the dashboard and the alerts ask for, sends spans of workflow,
// activities and what they do to a collector, and is ready as long as it polls.
func TestWorkerIsObserved(t *testing.T) {
	s := startStack(t)
	spans := collectSpans(t, s)
	address, err := loopback.Address()
	require.NoError(t, err)
	get := func(path string) (int, string) { return fetch(t, "http://"+address+path) }
	worker := s.start(t, "worker", "--threads", "1", "--cache", t.TempDir(), "--metrics-address", address)
	eventually(t, "the worker to be ready", func(context.Context) bool {
		status, _ := get("/readyz")
		return status == http.StatusOK
	})
	s.must(t, "run", tinySpec(t, syntheticSet), "--name", "observed", "--watch")
	result := s.result(t, "observed")

	_, metrics := get("/metrics")
	there := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllStringSubmatch(metrics, -1) {
		there[line[1]] = true
	}
	for _, file := range []string{"grafana/dashboards/twinview.json", "prometheus/alerts.yml"} {
		text, err := os.ReadFile(filepath.Join("..", "deploy", file))
		require.NoError(t, err)
		asked := regexp.MustCompile(`\b(twinview|temporal|process)_[a-z_]+\b`).FindAllString(string(text), -1)
		require.NotEmpty(t, asked)
		for _, name := range asked {
			// What is computed now is nothing any more.
			require.True(t, there[name] || name == "twinview_training_info", "%s asks for %s", file, name)
		}
	}
	require.Contains(t, metrics, `twinview_epochs_total{stage="pretrain"} `+strconv.Itoa(len(result.Pretrain))+"\n")
	require.Regexp(t, `twinview_device_memory_peak_bytes\{device="cpu"\} [1-9]`, metrics, "training took memory")
	require.Contains(t, metrics, `task_queue="twinview-train/own"`)
	require.NotContains(t, metrics, worker.identity(t), "names of workers are no labels")

	require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(t, worker.wait(t))
	names := spans()
	for _, name := range []string{
		"RunWorkflow:" + experiment.WorkflowExperiment, "StartActivity:" + experiment.ActivityPretrainEpoch,
		"RunActivity:" + experiment.ActivityPretrainEpoch, "train", "monitor", "checkpoint", "upload", "download",
	} {
		require.Contains(t, names, name)
	}
}

// collectSpans has the stack's programs send traces, and returns the names of the spans that came.
func collectSpans(t *testing.T, s *stack) func() map[string]bool {
	t.Helper()
	var mu sync.Mutex
	names := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &sent) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range sent.GetResourceSpans() {
			for _, scope := range r.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					names[span.GetName()] = true
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	return func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		return names
	}
}

// fetch is the answer to a GET, 0 where nobody answers.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}
