package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	api "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"twinview/experiment"
	"twinview/integration/temporaltest"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// commandTimeout bounds one command line, whole experiments included.
const commandTimeout = 6 * time.Minute

// stack is a Temporal and an object store of a test's own.
type stack struct {
	temporal *temporaltest.Server
	// proxy is the way to the object store.
	proxy *toxiproxy.Proxy
	store *storage.Store
	// server is the object store itself.
	server *storagetest.Server
	env    []string
	// roles are the variables of somebody with fewer rights in the store, by the name of the policy.
	roles map[string][]string
}

func startStack(t *testing.T) *stack {
	t.Helper()
	return startStackOn(t, temporaltest.Start(t))
}

func startStackOn(t *testing.T, temporal *temporaltest.Server) *stack {
	t.Helper()
	server := storagetest.Launch(t)
	config := server.Config
	require.NoError(t, build())
	store, err := storage.Open(t.Context(), config)
	require.NoError(t, err)
	proxy := storagetest.Proxy(t, config.Endpoint)
	return &stack{
		temporal: temporal,
		proxy:    proxy,
		store:    store,
		server:   server,
		roles:    map[string][]string{},
		// Nothing of the user's own servers and settings.
		env: []string{
			"PATH=" + os.Getenv("PATH"),
			"HOME=" + t.TempDir(),
			"TEMPORAL_ADDRESS=" + temporal.Address,
			storage.EnvEndpoint + "=" + proxy.Listen,
			storage.EnvAccessKey + "=" + config.AccessKey,
			storage.EnvSecretKey + "=" + config.SecretKey,
			storage.EnvBucket + "=" + config.Bucket,
		},
	}
}

// output collects what a process prints while others read it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a program that runs beside the test.
type process struct {
	*exec.Cmd
	output output
	ended  chan struct{}
	err    error
}

// start runs a program until it ends or the test does. A test that fails shows the end of its output.
func (s *stack) start(t *testing.T, name string, arguments ...string) *process {
	t.Helper()
	return s.startIn(t, t.TempDir(), name, arguments...)
}

// startIn is start in a folder.
func (s *stack) startIn(t *testing.T, folder, name string, arguments ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(filepath.Join(programs, name), arguments...), ended: make(chan struct{})}
	p.Env, p.Dir = s.env, folder
	p.Stdout, p.Stderr = &p.output, &p.output
	require.NoError(t, p.Start())
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			lines := strings.Split(p.output.String(), "\n")
			t.Logf("the end of what %s %s printed:\n%s", name, strings.Join(arguments, " "),
				strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
	return p
}

// kill pulls the plug: the process gets no chance to do anything.
func (p *process) kill() {
	// An error says that it has ended already.
	_ = p.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

// wait returns the error that the process ends with.
func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(commandTimeout):
		t.Fatalf("still running after %s:\n%s", commandTimeout, p.output.String())
		return nil
	}
}

// startWorker starts a worker with an empty cache. It trains on one thread: tests of other packages want the processor too,
// and threads that wait for each other take many times longer then.
func (s *stack) startWorker(t *testing.T) *process {
	t.Helper()
	return s.start(t, "worker", "--threads", "1", "--cache", t.TempDir())
}

// identity is how the worker calls itself in results.
func (p *process) identity(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	return fmt.Sprintf("%d@%s", p.Process.Pid, host)
}

// starter runs a command line to its end and returns all that it printed.
func (s *stack) starter(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	p := s.start(t, "starter", arguments...)
	err := p.wait(t)
	return p.output.String(), err
}

// must is starter for a command line that succeeds.
func (s *stack) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := s.starter(t, arguments...)
	require.NoError(t, err, out)
	return out
}

// refused is starter for a command line that must fail with this exit code and say why.
func (s *stack) refused(t *testing.T, code int, arguments []string, why ...string) {
	t.Helper()
	out, err := s.starter(t, arguments...)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, out)
	require.Equal(t, code, exit.ExitCode(), out)
	for _, part := range why {
		require.Contains(t, out, part)
	}
	require.NotContains(t, out, "goroutine", "a stack trace is no message")
}

// result is that of a finished experiment.
func (s *stack) result(t *testing.T, name string) experiment.Result {
	t.Helper()
	var shown struct {
		Status   string
		Progress experiment.Progress
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "show", name, "-o", "json")), &shown))
	require.Equal(t, "finished", shown.Status)
	require.NotNil(t, shown.Progress.Result)
	return *shown.Progress.Result
}

// keys are those in the store that begin with prefix.
func (s *stack) keys(t *testing.T, prefix string) []string {
	t.Helper()
	found, err := s.store.List(t.Context(), prefix)
	require.NoError(t, err)
	var keys []string
	for _, a := range found {
		keys = append(keys, a.Key)
	}
	return keys
}

// awaitEpoch returns when a worker is at the epoch of pretraining. It asks the server alone: a query would wait for a
// worker, and an epoch of these tests is over in a second or two.
func (s *stack) awaitEpoch(t *testing.T, name string, epoch int) {
	t.Helper()
	eventually(t, fmt.Sprintf("epoch %d of %s", epoch, name), func(ctx context.Context) bool {
		description, err := s.temporal.Client.DescribeWorkflowExecution(ctx, name, "")
		if err == nil && description.GetWorkflowExecutionInfo().GetCloseTime() != nil {
			t.Fatalf("%s has ended before anything could be done to it", name)
		}
		pretraining := name + "/pretraining"
		return err == nil && scheduled(ctx, s.temporal.Client, pretraining) >= epoch &&
			training(ctx, s.temporal.Client, pretraining)
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	for !condition(ctx) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("waited %s for %s", commandTimeout, what)
		}
	}
}

// scheduled is the newest epoch that the workflow has asked for, of whichever queue.
func scheduled(ctx context.Context, c client.Client, workflow string) (epoch int) {
	history := c.GetWorkflowHistory(ctx, workflow, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil { // the workflow has not begun
			return 0
		}
		asked := event.GetActivityTaskScheduledEventAttributes()
		if asked.GetActivityType().GetName() != experiment.ActivityPretrainEpoch {
			continue
		}
		var in experiment.PretrainEpochInput
		if err := converter.GetDefaultDataConverter().FromPayloads(asked.GetInput(), &in); err == nil {
			epoch = in.Epoch
		}
	}
	return epoch
}

// training says whether a worker is at an epoch of the workflow.
func training(ctx context.Context, c client.Client, workflow string) bool {
	description, err := c.DescribeWorkflowExecution(ctx, workflow, "")
	return err == nil && slices.ContainsFunc(description.GetPendingActivities(), func(a *api.PendingActivityInfo) bool {
		return a.GetActivityType().GetName() == experiment.ActivityPretrainEpoch &&
			a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED
	})
}

// tinySpec writes a spec that trains in seconds on any machine, with more lines at its end.
func tinySpec(t *testing.T, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.yaml")
	text := `
name: tiny
encoder: {width: 8}
method: {projector: {hidden: 32, output: 16}}
pretrain: {epochs: 3, batch_size: 50, schedule: {warmup_epochs: 0}}
linear: {epochs: 2, batch_size: 50}
finetune: {epochs: 2, batch_size: 50}
knn: {k: 5, every_epochs: 1}
` + more
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const (
	syntheticSet = "dataset: {name: synthetic, train_images: 1000, validation_images: 100, test_images: 100}\n"
	cifar10Slice = "dataset: {name: cifar10, train_images: 1000, validation_images: 500, test_images: 200}\n"
)
