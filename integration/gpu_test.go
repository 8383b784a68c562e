//go:build gpu

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/hardware"
	"twinview/layout"
)

const gpuWorker = "worker-gpu"

var buildGPUWorker = sync.OnceValue(func() error { return buildProgram(gpuWorker, "1", "-tags", "gpu", "./worker") })

// startGPUStack is startStack for workers that find a driver of CUDA, or its stand-in, where the test does.
func startGPUStack(t *testing.T, variables ...string) *stack {
	t.Helper()
	require.NoError(t, buildGPUWorker())
	s := startStack(t)
	for _, name := range []string{"LD_LIBRARY_PATH", "TWINVIEW_STANDIN_LATE"} {
		s.env = append(s.env, name+"="+os.Getenv(name))
	}
	s.env = append(s.env, variables...)
	return s
}

func (s *stack) startGPUWorker(t *testing.T, device string) *process {
	t.Helper()
	return s.start(t, gpuWorker, "--device", device, "--threads", "1", "--cache", t.TempDir())
}

// standsIn says whether the GPU is one of the stand-in's, which are as many and as small as a variable says.
func standsIn() bool { return os.Getenv("TWINVIEW_STANDIN_MEMORY") != "" }

// A whole experiment on a GPU, three times: two side by side, each on a device of its own, and one whose worker is killed inside an
// epoch. A worker without a GPU, which comes first then, leaves the training to others. All three end in the same bits.
func TestGPUExperiments(t *testing.T) {
	s := startGPUStack(t, "TWINVIEW_STANDIN_DEVICES=2")
	spec := folderSpec(t, "")
	run := func(name string) *process { return s.start(t, "starter", "run", spec, "--name", name, "--watch") }
	devices := []string{"cuda:0", "cuda:1"}
	if !standsIn() {
		devices = devices[:1]
	}
	var workers []*process
	for _, device := range devices {
		workers = append(workers, s.startGPUWorker(t, device))
	}
	one, other := run("one"), run("other")
	if len(workers) > 1 {
		eventually(t, "both to train at once", func(ctx context.Context) bool {
			return training(ctx, s.temporal.Client, "one/pretraining") && training(ctx, s.temporal.Client, "other/pretraining")
		})
	}
	require.NoError(t, one.wait(t))
	require.NoError(t, other.wait(t))
	want, again := s.result(t, "one"), s.result(t, "other")
	requireSameBits(t, want, again)
	requireOnGPU(t, s, want)
	if len(workers) > 1 {
		require.NotEqual(t, want.Pretrain[0].Worker, again.Pretrain[0].Worker)
		workers[1].kill()
	}

	killed := workers[0]
	disturbed := run("disturbed")
	if standsIn() {
		s.awaitCheckpointInside(t, "disturbed", 2)
	} else { // a GPU is through before anybody could have looked
		s.awaitEpoch(t, "disturbed", 2)
	}
	killed.kill()
	without := s.startWorker(t)
	s.awaitFailure(t, "disturbed/pretraining", `the training was begun on engine "cuda": take a worker with that`)
	without.kill()
	last := s.startGPUWorker(t, "cuda:0")
	require.NoError(t, disturbed.wait(t))
	if standsIn() {
		require.Contains(t, last.output.String(), "go on inside the epoch")
	}
	got := s.result(t, "disturbed")
	require.Equal(t, killed.identity(t), got.Pretrain[0].Worker, "the epoch before the kill counts")
	require.Equal(t, last.identity(t), got.Pretrain[1].Worker)
	requireSameBits(t, want, got)
	requireFiles(t, s, got)
}

// A batch that is too large for the device ends an experiment at once, with an error that names the field and what would fit. That
// does fit.
func TestGPUTooSmallForTheBatch(t *testing.T) {
	if !standsIn() {
		t.Skip("needs a stand-in for the GPU, with a small memory: make test-cuda")
	}
	s := startGPUStack(t, "TWINVIEW_STANDIN_MEMORY="+strconv.Itoa(8<<20))
	s.startGPUWorker(t, "cuda:0")
	spec := folderSpec(t, "linear: {epochs: 0}\nfinetune: {epochs: 0}\n")
	run := func(name string, batch int) []string {
		return []string{"run", spec, "--name", name, "--set", "pretrain.epochs=1", "--set", "augment.views=4", "--set", "augment.size=16",
			"--set", fmt.Sprintf("pretrain.batch_size=%d", batch), "--watch"}
	}
	s.refused(t, 5, run("large", 40), "BadSpec", "pretrain.batch_size: 40: cuda:0 has", "of its 8 MiB free", "which would fit")
	shown := s.must(t, "show", "large")
	named := regexp.MustCompile(`lower it to (\d+), which would fit`).FindStringSubmatch(shown)
	require.NotNil(t, named, shown)
	fits, err := strconv.Atoi(named[1])
	require.NoError(t, err)
	require.GreaterOrEqual(t, fits, 2)
	require.Less(t, fits, 40)
	s.must(t, run("small", fits)...)
}

// awaitCheckpointInside returns when there is one inside an epoch of pretraining.
func (s *stack) awaitCheckpointInside(t *testing.T, name string, epoch int) {
	t.Helper()
	prefix := layout.PartialPrefix(fmt.Sprintf("experiments/%s/pretrain/epoch-%04d.safetensors", name, epoch))
	eventually(t, "a checkpoint inside the epoch", func(context.Context) bool {
		return slices.ContainsFunc(s.keys(t, prefix), func(key string) bool { return filepath.Ext(key) == ".json" })
	})
}

// awaitFailure returns when an attempt of an activity has failed with such a message, and is to be tried again.
func (s *stack) awaitFailure(t *testing.T, workflow, message string) {
	t.Helper()
	eventually(t, "an attempt that fails: "+message, func(ctx context.Context) bool {
		description, err := s.temporal.Client.DescribeWorkflowExecution(ctx, workflow, "")
		if err != nil {
			return false
		}
		for _, a := range description.GetPendingActivities() {
			if strings.Contains(a.GetLastFailure().GetMessage(), message) {
				return true
			}
		}
		return false
	})
}

func requireSameBits(t *testing.T, want, got experiment.Result) {
	t.Helper()
	require.Equal(t, losses(want), losses(got))
	require.Len(t, got.Pretrain, len(want.Pretrain))
	for i := range want.Pretrain {
		require.Equal(t, want.Pretrain[i].Checkpoint.SHA256, got.Pretrain[i].Checkpoint.SHA256, "epoch %d", i+1)
		require.Equal(t, want.Pretrain[i].KNN, got.Pretrain[i].KNN)
	}
	require.Equal(t, want.Test.KNNAccuracy, got.Test.KNNAccuracy)
	for _, model := range []string{"simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt"} {
		require.Equal(t, named(t, want, model).SHA256, named(t, got, model).SHA256, "%s has the same bits", model)
	}
}

// requireOnGPU looks for the GPU wherever the experiment says what it was computed on.
func requireOnGPU(t *testing.T, s *stack, r experiment.Result) {
	t.Helper()
	for _, e := range r.Pretrain {
		require.Regexp(t, `\bcuda\b`, e.Kernels, "epoch %d", e.Epoch)
		require.Regexp(t, `\bbfloat16\b`, e.Kernels, "epoch %d", e.Epoch)
		require.Regexp(t, `^.+ GiB of memory, in .+ of \d+ threads`, e.Usage.Hardware)
		require.NotNil(t, e.Usage.Joules)
		require.Contains(t, e.Usage.EnergyOf, hardware.GPU)
	}
	dir := t.TempDir()
	s.must(t, "get", r.Experiment, "--out", dir)
	data, err := os.ReadFile(filepath.Join(dir, "metrics.json"))
	require.NoError(t, err)
	var metrics struct {
		Throughput struct{ Kernels string }
		Usage      []struct {
			Stage    string
			Hardware []string
		}
	}
	require.NoError(t, json.Unmarshal(data, &metrics))
	require.Regexp(t, `\bcuda\b`, metrics.Throughput.Kernels)
	require.NotEmpty(t, metrics.Usage)
	for _, u := range metrics.Usage {
		require.Equal(t, []string{r.Pretrain[0].Usage.Hardware}, u.Hardware, u.Stage)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "CUDA on ")
	require.Contains(t, string(page), r.Pretrain[0].Usage.Hardware)
}

// folderSpec writes a spec of a whole experiment, with more lines at its end, that is tiny: kernels on the stand-in are slow. Its
// images are 8×8.
func folderSpec(t *testing.T, more string) string {
	t.Helper()
	root := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	for class := range 2 {
		folder := filepath.Join(root, fmt.Sprintf("class-%d", class))
		require.NoError(t, os.Mkdir(folder, 0o755))
		for i := range 32 {
			m := image.NewNRGBA(image.Rect(0, 0, 8, 8))
			for p := range 64 {
				m.Set(p%8, p/8, color.NRGBA{uint8(120*class + r.IntN(100)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255})
			}
			file, err := os.Create(filepath.Join(folder, fmt.Sprintf("%d.png", i)))
			require.NoError(t, err)
			require.NoError(t, png.Encode(file, m))
			require.NoError(t, file.Close())
		}
	}
	path := filepath.Join(t.TempDir(), "tiny.yaml")
	text := fmt.Sprintf(`
name: tiny
dataset: {name: image_folder, source: %q, size: 8}
encoder: {width: 8}
augment: {size: 8}
method: {projector: {hidden: 16, output: 16}}
pretrain: {epochs: 2, batch_size: 4, schedule: {warmup_epochs: 0}}
checkpoints: {every_seconds: 0.05}
knn: {k: 3, every_epochs: 1}
`, root)
	if more == "" {
		more = "linear: {epochs: 2, batch_size: 20}\nfinetune: {epochs: 1, batch_size: 20}\n"
	}
	require.NoError(t, os.WriteFile(path, []byte(text+more), 0o600))
	return path
}
