package telemetry

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// serve starts a server on a free port and returns what it answers to a path.
func serve(t *testing.T, m *Metrics) func(path string) (int, string) {
	t.Helper()
	s, err := m.Serve(slog.New(slog.DiscardHandler), "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return func(path string) (int, string) {
		answer, err := http.Get("http://" + s.Address() + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
}

func TestWorkerIsReadyWhileItPolls(t *testing.T) {
	m := NewMetrics()
	get := serve(t, m)
	for _, polling := range []bool{false, true, false} {
		m.Ready(polling)
		status, _ := get("/readyz")
		require.Equal(t, polling, status == http.StatusOK, status)
		status, body := get("/healthz")
		require.Equal(t, http.StatusOK, status, body)
		_, body = get("/metrics")
		require.Equal(t, polling, strings.Contains(body, "\ntwinview_worker_ready 1\n"))
	}
}

func TestAddressInUseIsNamed(t *testing.T) {
	first, err := NewMetrics().Serve(slog.New(slog.DiscardHandler), "127.0.0.1:0")
	require.NoError(t, err)
	defer first.Close()
	_, err = NewMetrics().Serve(slog.New(slog.DiscardHandler), first.Address())
	require.ErrorContains(t, err, "--metrics-address "+first.Address())
	require.ErrorContains(t, err, "name another host:port")
}

// tell has something happen of each kind.
func tell(m *Metrics) (end func()) {
	m.Program(map[string]string{"twinview": "v1", "go": "go1.26", "engine": "oneDNN"})
	end = m.Begin("first", "ablation/scratch-0.01", 2)
	m.Step(Step{Stage: "ablation/scratch-0.01", Views: 64, Seconds: 0.5, DataWaitSeconds: 0.1, Loss: 2, LearningRate: 0.3})
	m.Step(Step{Stage: experiment.StagePretrain, Views: 128, Seconds: 0.25, Loss: 4.5, LearningRate: 0.6})
	m.Step(Step{Stage: experiment.StagePretrain, Views: 128, Seconds: 0.25, DataWaitSeconds: 0.05, Loss: 4.25, LearningRate: 0.6})
	m.DeviceMemory("cpu", func() (now, peak int64) { return 1 << 20, 3 << 20 })
	m.PeakMemory(func() (int64, error) { return 5 << 20, nil })
	m.EpochsDone(experiment.StagePretrain, 1)
	accuracy := 0.75
	m.KNN(&accuracy)
	m.KNN(nil)
	m.Validation(experiment.StageFinetune, 0.9)
	m.Checkpoint(InsideEpoch, 300*time.Millisecond, 1000)
	m.RollBack(Damaged)
	m.Attempt(experiment.ActivityPretrainEpoch, OK)
	m.Store(storage.Try{Operation: "put", Number: 1, Seconds: 1, Outcome: "unreachable"})
	m.Store(storage.Try{Operation: "put", Number: 2, Seconds: 1, Outcome: storage.OutcomeOK})
	return end
}

func TestMetricsSayWhatHappened(t *testing.T) {
	m := NewMetrics()
	end := tell(m)
	_, body := serve(t, m)("/metrics")
	for _, line := range []string{
		`twinview_training_info{experiment="first",stage="ablation"} 1`,
		`twinview_training_epoch{stage="ablation"} 2`,
		`twinview_training_steps_total{stage="ablation"} 1`,
		`twinview_training_steps_total{stage="pretrain"} 2`,
		`twinview_training_views_total{stage="pretrain"} 256`,
		`twinview_training_seconds_total{stage="pretrain"} 0.5`,
		`twinview_training_data_wait_seconds_total{stage="pretrain"} 0.05`,
		`twinview_training_loss{stage="pretrain"} 4.25`,
		`twinview_device_memory_bytes{device="cpu"} 1.048576e+06`,
		`twinview_device_memory_peak_bytes{device="cpu"} 3.145728e+06`,
		`twinview_resident_memory_peak_bytes 5.24288e+06`,
		`twinview_epochs_total{stage="pretrain"} 1`,
		`twinview_epochs_total{stage="finetune"} 0`,
		`twinview_knn_accuracy_ratio 0.75`,
		`twinview_validation_accuracy_ratio{stage="finetune"} 0.9`,
		`twinview_checkpoint_seconds_count{kind="inside_epoch"} 1`,
		`twinview_checkpoint_bytes_total{kind="inside_epoch"} 1000`,
		`twinview_roll_backs_total{reason="damaged"} 1`,
		`twinview_roll_backs_total{reason="diverged"} 0`,
		`twinview_attempts_total{activity="PretrainEpoch",outcome="ok"} 1`,
		`twinview_store_requests_total{operation="put",outcome="unreachable"} 1`,
		`twinview_store_requests_total{operation="get",outcome="ok"} 0`,
		`twinview_store_retries_total{operation="put"} 1`,
		`twinview_build_info{engine="oneDNN",go="go1.26",version="v1"} 1`,
	} {
		require.Contains(t, body, "\n"+line+"\n")
	}
	require.Contains(t, body, "\ngo_goroutines ")
	end()
	_, body = serve(t, m)("/metrics")
	require.NotContains(t, body, `experiment="first"`, "nothing is computed any more")
}

// Prometheus's own rules: base units, totals, help that says something.
func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	m := NewMetrics()
	defer tell(m)()
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestPeakMemoryIsServedWhereTheMachineTells(t *testing.T) {
	m := NewMetrics()
	m.PeakMemory(func() (int64, error) { return 0, errors.New("not Linux") })
	_, body := serve(t, m)("/metrics")
	require.NotContains(t, body, "twinview_resident_memory_peak_bytes")
}

// A worker with two devices serves each under the same name.
func TestDevicesHaveALabel(t *testing.T) {
	m := NewMetrics()
	for i, device := range []string{"cpu", "cuda:0"} {
		m.DeviceMemory(device, func() (now, peak int64) { return int64(i), int64(i) })
	}
	_, body := serve(t, m)("/metrics")
	require.Contains(t, body, `twinview_device_memory_bytes{device="cpu"} 0`)
	require.Contains(t, body, `twinview_device_memory_bytes{device="cuda:0"} 1`)
}

func TestNobodyNeedsToListen(t *testing.T) {
	require.NotPanics(t, func() {
		tell(nil)()
		(*Metrics)(nil).Ready(true)
	})
}

func TestTemporalsOwnMetricsAreThere(t *testing.T) {
	m := NewMetrics()
	h, err := m.Temporal()
	require.NoError(t, err)
	h.WithTags(map[string]string{"operation": "PollActivityTaskQueue"}).Counter("temporal_request").Inc(3)
	for _, worker := range []string{"1@lab", "2@lab"} {
		queue := h.WithTags(map[string]string{tagQueue: experiment.QueueTrainOf(worker)})
		queue.Timer("temporal_activity_execution_latency").Record(90 * time.Second)
	}
	h.WithTags(map[string]string{tagQueue: experiment.QueueTrain}).Gauge("temporal_worker_task_slots_available").Update(1)
	_, body := serve(t, m)("/metrics")
	for _, line := range []string{
		`temporal_request_total{operation="PollActivityTaskQueue"} 3`,
		`temporal_activity_execution_latency_seconds_count{task_queue="twinview-train/own"} 2`,
		`temporal_activity_execution_latency_seconds_bucket{task_queue="twinview-train/own",le="60"} 0`,
		`temporal_worker_task_slots_available{task_queue="twinview-train"} 1`,
	} {
		require.Contains(t, body, "\n"+line+"\n")
	}
	require.NotContains(t, body, "@lab")
	require.Contains(t, body, "\n# HELP temporal_request_total Of Temporal's SDK for Go")
	require.NotContains(t, body, "otel_scope")
	require.NotContains(t, body, "target_info")
}
