package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"twinview/experiment"
)

func writeSpec(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const goodSpec = `
name: first
dataset: {name: synthetic, train_images: 200, validation_images: 50, test_images: 50}
pretrain: {epochs: 2, batch_size: 32, schedule: {warmup_epochs: 0}}
linear: {epochs: 1, batch_size: 32}
finetune: {epochs: 1, batch_size: 32}
`

func TestSpecTakesNameAndChanges(t *testing.T) {
	spec, err := readSpec(writeSpec(t, goodSpec), nil, specFlags{
		name: "second", set: []string{"pretrain.epochs=7", "method.temperature=0.25"},
	})
	require.NoError(t, err)
	require.Equal(t, "second", spec.Name)
	require.Equal(t, 7, spec.Pretrain.Epochs)
	require.Equal(t, 0.25, spec.Method.Temperature)
}

func TestBadSpecsAreRefusedBeforeAnythingIsSubmitted(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		set  []string
		want []string
	}{
		"unknown key":  {goodSpec + "epochs: 3\n", nil, []string{"spec.yaml", "line 7", "epochs"}},
		"batch size 1": {goodSpec, []string{"pretrain.batch_size=1"}, []string{"pretrain.batch_size: 1", "2 to 4096"}},
		"batch larger than the set": {
			goodSpec, []string{"pretrain.batch_size=201"}, []string{"pretrain.batch_size: 201", "200 training images"},
		},
		"temperature 0":  {goodSpec, []string{"method.temperature=0"}, []string{"method.temperature: 0", "0.001 to 100"}},
		"bad assignment": {goodSpec, []string{"pretrain.epochs"}, []string{"--set pretrain.epochs", "key=value"}},
		"no YAML":        {"name: [", nil, []string{"spec.yaml", "line 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSpec(writeSpec(t, c.text), nil, specFlags{set: c.set})
			for _, part := range c.want {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

func TestMissingSpecIsNamed(t *testing.T) {
	_, err := readSpec("nowhere.yaml", nil, specFlags{})
	require.ErrorContains(t, err, "nowhere.yaml")
}

// deaf loses the answer to its first call that starts a workflow, and the call itself where it is mute too.
type deaf struct {
	client.Client
	mute  bool
	calls int
}

func (d *deaf) ExecuteWorkflow(
	ctx context.Context, o client.StartWorkflowOptions, workflow any, arguments ...any,
) (client.WorkflowRun, error) {
	d.calls++
	if d.calls > 1 {
		return d.Client.ExecuteWorkflow(ctx, o, workflow, arguments...)
	}
	if !d.mute {
		if _, err := d.Client.ExecuteWorkflow(ctx, o, workflow, arguments...); err != nil {
			return nil, err
		}
	}
	return nil, serviceerror.NewInternal("stream terminated by RST_STREAM")
}

// Whether the call or its answer was lost, the experiment is submitted once. A name in use is refused all the same.
func TestLostAnswersToRun(t *testing.T) {
	flags := startExperiments(t)
	_, err := starter(t, flags, "doctor", "--fix", "--only", "attributes")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		mute  bool
		calls int
	}{"answer-lost": {false, 1}, "call-lost": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			submit := func() (*deaf, error) {
				c, err := (&target{address: flags[1]}).dial(t.Context())
				require.NoError(t, err)
				defer c.Close()
				d := &deaf{Client: c.Client, mute: test.mute}
				c.Client = d
				spec := experiment.Default()
				spec.Name, spec.Seed = name, 99
				return d, c.submit(t.Context(), spec)
			}
			d, err := submit()
			require.NoError(t, err)
			require.Equal(t, test.calls, d.calls)
			_, err = submit()
			require.ErrorContains(t, err, "is in use")
		})
	}
}
