package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/bench/gpu/result"
)

const (
	// measures stands for program gpu on a machine with a GPU.
	measures = `case $1 in
device) echo '{"name":"device","value":0,"unit":"","note":"CUDA on GPU X"}' ;;
network) echo '{"name":"loss","value":0.5,"unit":"distance"}'; echo 'gpu: loss is too far off' >&2; exit 1 ;;
training) echo '{"name":"train","value":41000,"unit":"views/s"}'; echo "$*" >&2 ;;
roofline) echo '{"name":"kernel","value":4,"unit":"µs","kernel":"relu_bfloat16","bound":2,"roofline":0.5}' ;;
esac`
	// tests stand for a test binary, in which a kernel of TestBad ends the context for TestAfter.
	tests = `echo "$*" >> $0.ran
case "$*" in
"-test.list "?*) echo TestGood; echo TestBad; echo TestElsewhere; echo TestAfter; echo ok ;;
*TestBad*) printf -- '    x_test.go:3: \n        \tError Trace:\tx\n        \tError:      \ttoo far off\n--- FAIL: TestBad (0.00s)\n'; exit 1 ;;
*TestElsewhere*) printf -- '    x_test.go:3: needs two GPUs\n--- SKIP: TestElsewhere (0.00s)\n' ;;
*TestAfter*) echo '--- PASS: TestAfter (0.01s)'; echo PASS ;;
*) echo '=== RUN   TestGood'; echo '--- PASS: TestGood (1.50s)'; echo '=== RUN   TestBad'; echo '--- FAIL: TestBad (0.00s)'
  echo '=== RUN   TestElsewhere'; echo '    x_test.go:3: needs two GPUs'; echo '--- SKIP: TestElsewhere (0.00s)'
  echo '=== RUN   TestAfter'; echo '    x_test.go:9: the context is gone'; echo '--- FAIL: TestAfter (0.00s)'; echo FAIL; exit 1 ;;
esac`
)

// made is a folder with these scripts as its programs.
func made(t *testing.T, gpu, test string) settings {
	t.Helper()
	folder := t.TempDir()
	for name, script := range map[string]string{
		"bin/gpu": gpu, "bin/kernels.test": test, "bin/cuda.test": test, "bin/train.test": test,
	} {
		write(t, folder, name, script)
	}
	return settings{folder: folder, libc: "auto", python: "none", epochs: 1}
}

func write(t *testing.T, folder, name, script string) {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

// results runs a check and reads what it leaves.
func results(t *testing.T, s settings) (r report, table string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = check(t.Context(), s, &out, io.Discard)
	text, readErr := os.ReadFile(filepath.Join(s.folder, "results.json"))
	require.NoError(t, readErr)
	require.NoError(t, json.Unmarshal(text, &r))
	return r, out.String(), err
}

func stepOf(t *testing.T, r report, name string) result.Step {
	t.Helper()
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	require.Fail(t, "there is no step "+name)
	return result.Step{}
}

func TestAStepThatFailsLeavesTheOthersToRun(t *testing.T) {
	s := made(t, measures, tests)
	t.Setenv("PATH", "/usr/bin:/bin")
	r, table, err := results(t, s)
	require.ErrorContains(t, err, "steps failed")
	require.Len(t, r.Steps, len(steps))
	require.Equal(t, "CUDA on GPU X", r.Device)
	require.False(t, r.StandIn)

	network := stepOf(t, r, "network")
	require.Equal(t, result.Failed, network.Status)
	require.Contains(t, network.Reason, "loss is too far off")
	require.Equal(t, 0.5, network.Figures[0].Value, "what was measured before the failure is kept")

	kernels := stepOf(t, r, "kernels")
	require.Equal(t, result.Failed, kernels.Status)
	require.Len(t, kernels.Tests, 4)
	for i, want := range []result.Status{result.Passed, result.Failed, result.Skipped, result.Passed} {
		require.Equal(t, want, kernels.Tests[i].Status, kernels.Tests[i].Name)
	}
	require.Equal(t, 1.5, kernels.Tests[0].Seconds)
	require.Contains(t, kernels.Tests[1].Reason, "too far off")
	require.Equal(t, "needs two GPUs", kernels.Tests[2].Reason)
	require.Equal(t, "failed among the others, passed alone", kernels.Tests[3].Reason)
	ran, err := os.ReadFile(filepath.Join(s.folder, "bin", "kernels.test.ran"))
	require.NoError(t, err)
	require.Equal(t, 4, bytes.Count(ran, []byte("\n")), "the list, all tests, and again those two that failed:\n%s", ran)

	require.Equal(t, result.Passed, stepOf(t, r, "training").Status)
	log, err := os.ReadFile(filepath.Join(s.folder, "logs", "training.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), `"value":41000`)
	require.Contains(t, string(log), "\ntraining --spec", "what it said on the other output")
	require.Equal(t, result.Skipped, stepOf(t, r, "accuracy").Status)
	require.Contains(t, stepOf(t, r, "accuracy").Reason, "made without CIFAR-10")
	for _, said := range []string{"2 tests passed, 1 failed, 1 skipped", "TestBad", "train: 4.1e+04 views/s", "relu_bfloat16", "50 %",
		"left out: --python none"} {
		require.Contains(t, table, said)
	}
}

// A check that is killed in a step leaves the steps before, and what the program has said.
func TestKilledCheckLeavesResultsAndLogs(t *testing.T) {
	s := made(t, measures, tests)
	s.only = []string{"roofline", "training"}
	seen := filepath.Join(s.folder, "seen")
	write(t, s.folder, "bin/gpu", `case $1 in
roofline) echo '{"name":"bandwidth","value":1,"unit":"GB/s"}'
  until grep -q bandwidth logs/roofline.log && grep -q running results.json; do
    tries=x$tries; [ $tries = xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ] && exit 1; sleep 0.05
  done
  cp results.json seen ;;
*) echo '{"name":"device","value":0,"unit":"","note":"CUDA on GPU X"}' ;;
esac`)
	_, _, err := results(t, s)
	require.NoError(t, err)
	var r report
	text, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, "CUDA on GPU X", r.Device)
	var states []result.Status
	for _, step := range r.Steps {
		states = append(states, step.Status)
	}
	require.Equal(t, []result.Status{result.Passed, result.Running, result.NotReached}, states)
}

func TestInterruptedCheck(t *testing.T) {
	s := made(t, measures, tests)
	s.only = []string{"training", "accuracy"}
	write(t, s.folder, "bin/gpu", `case $1 in
training) echo '{"name":"train","value":41000,"unit":"views/s","rounds":1}'; exec sleep 60 ;;
*) echo '{"name":"device","value":0,"unit":"","note":"CUDA on GPU X"}' ;;
esac`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out bytes.Buffer
	require.ErrorIs(t, check(ctx, s, &out, io.Discard), context.DeadlineExceeded)
	text, err := os.ReadFile(filepath.Join(s.folder, "results.json"))
	require.NoError(t, err)
	var r report
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, result.Interrupted, stepOf(t, r, "training").Status)
	require.Equal(t, 41000.0, find(stepOf(t, r, "training").Figures, "train").Value)
	require.Equal(t, result.NotReached, stepOf(t, r, "accuracy").Status)
	require.Contains(t, out.String(), "interrupted")
}

func TestOnlyTogetherTestsFail(t *testing.T) {
	s := made(t, measures, strings.NewReplacer("exit 1 ;;\n*TestElse", "exit 0 ;;\n*TestElse").Replace(tests))
	s.only = []string{"engine"}
	r, _, err := results(t, s)
	require.Error(t, err)
	engine := stepOf(t, r, "engine")
	require.Equal(t, result.Failed, engine.Status)
	require.Contains(t, engine.Reason, "in one process the tests failed")
	require.Contains(t, engine.Reason, "the context is gone")
}

func TestOneProcessForTestsThatPass(t *testing.T) {
	s := made(t, measures, `echo "$*" >> $0.ran
case "$*" in
"-test.list "?*) echo TestGood; echo TestOther ;;
*) echo '--- PASS: TestGood (0.10s)'; echo '--- PASS: TestOther (0.20s)' ;;
esac`)
	s.only = []string{"engine"}
	r, _, err := results(t, s)
	require.NoError(t, err)
	require.Len(t, stepOf(t, r, "engine").Tests, 2)
	ran, err := os.ReadFile(filepath.Join(s.folder, "bin", "cuda.test.ran"))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(ran, []byte("\n")), string(ran))
}

func TestLaterRoundTakesThePlaceOfThoseBefore(t *testing.T) {
	s := made(t, measures, tests)
	s.only = []string{"training"}
	write(t, s.folder, "bin/gpu", `echo '{"name":"device","value":0,"unit":"","note":"CUDA on GPU X"}'
[ $1 = device ] && exit
for n in 1 2; do echo '{"name":"train","value":4100'$n',"unit":"views/s","rounds":'$n'}'; done`)
	r, _, err := results(t, s)
	require.NoError(t, err)
	figures := stepOf(t, r, "training").Figures
	require.Equal(t, 41002.0, find(figures, "train").Value)
	require.Equal(t, 2, find(figures, "train").Rounds)
	require.Len(t, figures, 3, "with what it says of the device, and why there is no PyTorch")
}

func TestMissingDriverIsNamed(t *testing.T) {
	for missing, said := range map[string]string{
		"libcuda.so.1": "NVIDIA's driver is missing", "libx.so.2": "the library libx.so.2 is missing",
	} {
		s := made(t, "echo 'gpu: error while loading shared libraries: "+missing+": cannot open shared object file' >&2; exit 127", tests)
		r, table, err := results(t, s)
		require.ErrorContains(t, err, "1 of 10 steps failed")
		for _, step := range r.Steps[1:] {
			require.Equal(t, result.NotReached, step.Status, step.Name)
		}
		require.Equal(t, "no GPU", r.Device)
		require.Contains(t, r.Steps[0].Reason, said)
		require.Contains(t, table, said)
	}
}

// Where the C library is too old, the bundled one's loader runs the programs.
func TestOldLibC(t *testing.T) {
	s := made(t, "echo \"gpu: libc.so.6: version 'GLIBC_2.36' not found\" >&2; exit 1", tests)
	s.only = []string{"roofline"}
	write(t, s.folder, "lib/libc/ld-linux-x86-64.so.2", "shift 3\n"+measures)
	r, _, err := results(t, s)
	require.NoError(t, err)
	require.Equal(t, "relu_bfloat16", stepOf(t, r, "roofline").Figures[0].Kernel)

	s.libc = "system"
	_, _, err = results(t, s)
	require.Error(t, err)

	// There is none.
	s.libc = "auto"
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "bin", "gpu"), []byte("#!/no/such/loader\n"), 0o755))
	_, _, err = results(t, s)
	require.NoError(t, err)
}

func TestStandInIsNoGPU(t *testing.T) {
	s := made(t, `echo '{"name":"device","value":0,"unit":"","note":"CUDA on stand-in on this processor"}'`, tests)
	s.only = []string{"roofline"}
	r, table, err := results(t, s)
	require.NoError(t, err)
	require.True(t, r.StandIn)
	require.Contains(t, table, "THIS IS NOT A GPU")
}

func TestSecondDevice(t *testing.T) {
	s := made(t, `echo "{\"name\":\"device\",\"value\":0,\"unit\":\"\",\"note\":\"GPU $CUDA_VISIBLE_DEVICES\"}"`, tests)
	s.device, s.only = 1, []string{"roofline"}
	r, _, err := results(t, s)
	require.NoError(t, err)
	require.Equal(t, "GPU 1", r.Device)
}

func TestWrongSettings(t *testing.T) {
	s := made(t, measures, tests)
	s.only = []string{"rooflines"}
	require.ErrorContains(t, check(t.Context(), s, io.Discard, io.Discard), "--only rooflines: there is no such step, but kernels, engine")
	s.only, s.libc = nil, "mine"
	require.ErrorContains(t, check(t.Context(), s, io.Discard, io.Discard), `--libc "mine"`)
	s.libc, s.folder = "auto", t.TempDir()
	require.ErrorContains(t, check(t.Context(), s, io.Discard, io.Discard), "make gpu-check makes")
}
