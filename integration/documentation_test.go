package integration

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/docstest"
)

// exempt are commands that no test can run everywhere, by how they begin, with what they lack. A page is named where the same
// command runs elsewhere.
var exempt = []struct{ page, command, reason string }{
	{"README.md", "make demo", "sets up a machine and trains for minutes: CI runs it by itself"},
	{"README.md", "make test", "would run this test"},
	{"README.md", "make chaos", "takes a minute a round, a hundred times"},
	{"README.md", "make up", "its servers are installed on the machine: this test's own stand for them"},
	{"README.md", "make down", "stops what make up has started"},
	{"adding-a-loss.md", "go test", "make test runs the tests of every package"},
	{"adding-an-encoder.md", "go test", "make test runs the tests of every package"},
	{"adding-an-encoder.md", "make test-torch", "installs PyTorch"},
	{"deploy.md", "docker ", "needs a container engine and a registry"},
	{"deploy.md", "bin/starter doctor", "asks the containers that docker compose has started"},
	{"deploy.md", "kubectl ", "needs a Kubernetes cluster"},
	{"deploy.md", "TEMPORAL_", "needs an account at Temporal Cloud"},
	{"deploy.md", "TWINVIEW_PAYLOAD_KEY_FILE", "needs an account at Temporal Cloud"},
	{"deploy.md", "MINIO_", "needs an account at a cloud's object store"},
	{"deploy.md", "sudo make compose-test", "starts a container engine, as root"},
	{"gpu.md", "make worker-gpu", "needs CUDA's headers"},
	{"gpu.md", "bin/worker-gpu", "needs a GPU"},
	{"gpu.md", "make test-cuda", "needs CUDA's headers: CI runs it by itself"},
	{"gpu.md", "TWINVIEW_GPU=1 make test-cuda", "needs a GPU"},
	{"gpu.md", "make gpu-check", "needs CUDA's headers"},
	{"gpu.md", "TWINVIEW_STANDIN=1 make gpu-check", "needs CUDA's headers, and takes minutes"},
	{"gpu.md", ". scripts/onednn.sh; . scripts/cuda_headers.sh", "installs CUDA's headers"},
	{"gpu.md", "go build -tags gpu", "needs CUDA's headers"},
	{"recipes.md", "bin/starter get cpu-barlow-twins", "needs an experiment of an hour"},
	{"recipes.md", "bin/starter run configs/cpu-barlow-twins.yaml", "needs what that experiment has made"},
	{"observability.md", "tensorboard ", "a Python program that runs until it is interrupted"},
}

// Settings with which recipes that take hours take seconds, on images that need no file.
const (
	shortened = " --set encoder.width=8 --set method.projector.hidden=32 --set method.projector.output=16 --set augment.size=16" +
		" --set pretrain.epochs=6 --set pretrain.batch_size=20 --set pretrain.progressive_resizing=[]" +
		" --set pretrain.schedule.warmup_epochs=0 --set knn.k=5 --set knn.train_images=0" +
		" --set linear.epochs=2 --set linear.batch_size=20" +
		" --set finetune.epochs=1 --set finetune.batch_size=20 --set finetune.progressive_resizing=[]" +
		" --set finetune.schedule.warmup_epochs=0"
	synthetic = " --set dataset.name=synthetic --set dataset.train_images=300 --set dataset.validation_images=100" +
		" --set dataset.test_images=100"
	fewSteps = " --set ablation.label_fractions=[0.5] --set ablation.epochs=1 --set ablation.batch_size=20" +
		" --set ablation.schedule.warmup_epochs=0"
)

// completed is what stands behind the documentation's arguments of run, where that is not shortened and synthetic alone.
var completed = map[string]string{
	"pets.yaml": shortened + " --set dataset.size=16",
	// That name is taken by an experiment that other commands of the page speak of.
	"first.yaml": shortened + synthetic + fewSteps + " --name third",
}

var (
	runCommand    = regexp.MustCompile(`^(?:bin/)?starter run ([^ ]+)[^|;&]*`)
	doctorCommand = regexp.MustCompile(`^bin/starter doctor$`)
)

// short is a command with what makes an experiment short, and a doctor independent of whether the machine has CIFAR-10.
func short(command string) string {
	if doctorCommand.MatchString(command) {
		return command + " configs/synthetic.yaml"
	}
	call := runCommand.FindStringSubmatch(command)
	if call == nil {
		return command
	}
	return call[0] + cmp.Or(completed[call[1]], shortened+synthetic) + " " + strings.TrimPrefix(command, call[0])
}

// Every command of README.md and docs/*.md is run, as by somebody who reads page after page: README.md leads from nothing to a
// fine-tuned model, a report and a prediction on an image of one's own.
func TestCommandsOfTheDocumentation(t *testing.T) {
	s := startStack(t)
	s.must(t, "doctor", "--fix", "--only", "attributes")
	folder := s.checkout(t)
	s.startIn(t, folder, "worker", "--threads", "1", "--cache", t.TempDir())
	eventually(t, "the worker to poll", func(context.Context) bool {
		_, err := s.starter(t, "doctor", "--only", "workers")
		return err == nil
	})
	pages, err := docstest.Pages("..")
	require.NoError(t, err)
	met := map[int]bool{}
	for _, page := range pages {
		s.follow(t, page, folder, met)
		if filepath.Base(page) == "README.md" {
			requireNewcomersResults(t, folder)
			// The other pages speak of two experiments that there are.
			for _, name := range []string{"first", "second"} {
				s.must(t, "run", tinySpec(t, syntheticSet), "--name", name, "--watch")
			}
		}
	}
	for i, e := range exempt {
		require.True(t, met[i], "%s has no command %q any more: take it out of the list", e.page, e.command)
	}
}

// follow runs a page's commands in a shell of its own, and notes in met which of those that are exempt it has.
func (s *stack) follow(t *testing.T, page, folder string, met map[int]bool) {
	t.Helper()
	commands, err := docstest.Read(page)
	require.NoError(t, err)
	shell := startShell(t, folder, s.newcomersEnv(folder))
	for _, command := range commands {
		t.Run(filepath.Base(page)+"/"+command, func(t *testing.T) {
			if i := exemption(filepath.Base(page), command); i >= 0 {
				met[i] = true
				t.Skip(exempt[i].reason)
			}
			printed, code := shell.run(t, short(command))
			require.Zero(t, code, printed)
			requireAnswer(t, command, printed)
		})
	}
}

func exemption(page, command string) int {
	for i, e := range exempt {
		if e.page == page && strings.HasPrefix(command, e.command) {
			return i
		}
	}
	return -1
}

// answers are what some commands must print, beside an exit code of 0, by how they begin.
var answers = map[string]string{
	"bin/starter pause":       `simclr-100: paused`,
	"bin/starter resume":      `simclr-100: resumed`,
	"bin/starter watch":       `Fine-tuned +\d`,
	"bin/starter list --sort": `simclr-100`,
	"bin/starter predict":     `cat.jpg\n +\d+\.\d %`,
	"bin/starter neighbors":   `training image \d`,
	"bin/starter compare":     `simclr-100 +hot`,
	"bin/starter doctor":      `[0-9a-f]{12}|worker`,
	"starter compare":         `first +second`,
	"starter spec explain":    `momentum`,
	"starter watch first -o":  `(?m)^\d+\.\d+$`,
	"starter neighbors":       `training image \d`,
	"starter run":             `(?s)submitted third .*Fine-tuned +\d`,
	"(cd pets":                `[0-9a-f]{64}`,
}

func requireAnswer(t *testing.T, command, printed string) {
	t.Helper()
	for begin, answer := range answers {
		if strings.HasPrefix(command, begin) {
			require.Regexp(t, answer, printed)
		}
	}
}

// requireNewcomersResults looks for what README.md promises to whoever follows it.
func requireNewcomersResults(t *testing.T, folder string) {
	t.Helper()
	for _, file := range []string{
		"results/simclr_best_epoch.pt", "results/simclr_lin_best.pt", "results/finetune_best.pt", "results/metrics.json",
		"results/report.html", "results/report.pdf", "both/comparison.html", "second.yaml",
	} {
		require.FileExists(t, filepath.Join(folder, file))
	}
}

// newcomersEnv is an environment that knows no servers: .stack/env does, as after make up.
func (s *stack) newcomersEnv(folder string) []string {
	env := slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return ofServers(v) || strings.HasPrefix(v, "PATH=") })
	return append(env, "PATH="+filepath.Join(folder, "bin")+":"+os.Getenv("PATH"))
}

func ofServers(variable string) bool {
	return strings.HasPrefix(variable, "TEMPORAL_") || strings.HasPrefix(variable, "MINIO_")
}

// checkout is a folder as make build and make up leave it, with images of one's own: cat.jpg, and the data set of
// docs/own-data.md.
func (s *stack) checkout(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, dir := range []string{".stack", "pets/cat", "pets/dog"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, dir), 0o700))
	}
	require.NoError(t, os.Symlink(programs, filepath.Join(folder, "bin")))
	require.NoError(t, os.CopyFS(filepath.Join(folder, "configs"), os.DirFS("../configs")))
	example, err := os.ReadFile("../.env.example")
	require.NoError(t, err)
	page, err := os.ReadFile("../docs/own-data.md")
	require.NoError(t, err)
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o600))
	}
	write(".stack/env", []byte(strings.Join(slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return !ofServers(v) }), "\n")+"\n"))
	write(".env.example", example)
	write("pets.yaml", []byte(docstest.Block(string(page), "yaml")))
	write("cat.jpg", drawnJPEG(t, 0))
	for i := range 40 {
		write(fmt.Sprintf("pets/%s/%d.jpg", []string{"cat", "dog"}[i%2], i), drawnJPEG(t, i))
	}
	return folder
}

// drawnJPEG is a disc before a background; odd and even ones have other colours, and no two are the same.
func drawnJPEG(t *testing.T, number int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 90, 60))
	disc, back := color.RGBA{uint8(250 - number), 120, 30, 255}, color.RGBA{30, 60, uint8(90 + 2*number), 255}
	if number%2 == 1 {
		disc, back = back, disc
	}
	for y := range 60 {
		for x := range 90 {
			m.Set(x, y, back)
			if dx, dy := x-30-number/2, y-30; dx*dx+dy*dy < 400 {
				m.Set(x, y, disc)
			}
		}
	}
	var data bytes.Buffer
	require.NoError(t, jpeg.Encode(&data, m, nil))
	return data.Bytes()
}
