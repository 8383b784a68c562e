package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"twinview/experiment"
	"twinview/frontend"
	"twinview/integration/tlstest"
	"twinview/payload"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// What only the specs of these tests say: a seed, and the path of data that are not there.
const (
	oddSeed = "7316548203319"
	oddPath = "/no/such/folder-5f0c1e"
)

// An experiment runs with all that can be secret: API key and client certificate for Temporal; temporary keys in files for the
// object store, with no more rights than deploy/minio gives, which are wrong for a while. Another one fails. Then nothing secret
// is in what they leave anywhere.
func TestNothingSecretIsLeft(t *testing.T) {
	s := startStack(t)
	secrets := s.guard(t)
	left := s.runGuarded(t)

	for where, content := range left {
		require.Contains(t, string(content), "guarded", "%s is about the experiment", where)
		require.Empty(t, found(content, secrets), "secrets in %s", where)
	}
	for name, secret := range secrets {
		planted := append(bytes.Clone(left["the histories"]), secret...)
		require.Equal(t, []string{name}, found(planted, secrets), "one that is there is found")
	}
	require.Contains(t, string(left["the histories"]), oddSeed, "a history has the spec")
	require.Contains(t, string(left["the histories"]), oddPath, "a history has failures")
	require.Contains(t, string(left["pending activities"]), "access denied")
}

// With a payload key, what Temporal keeps says nothing of a spec, of results or of failures either. Whoever has the key sees
// what there is to see.
func TestHistoriesAreEncrypted(t *testing.T) {
	s := startStack(t)
	secrets := s.guard(t)
	key := random(t, 32)
	path := filepath.Join(t.TempDir(), "payload-key")
	require.NoError(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
	s.env = append(s.env, payload.EnvKeyFile+"="+path)
	secrets["payload key"] = key
	left := s.runGuarded(t)

	for where, content := range left {
		require.Empty(t, found(content, secrets), "secrets in %s", where)
	}
	spoken := map[string]string{}
	for _, word := range []string{oddSeed, oddPath, "synthetic", "simclr", "safetensors", "sha256", "access denied", "temperature"} {
		spoken[word] = word
	}
	for _, where := range []string{"the histories", "pending activities"} {
		require.Contains(t, string(left[where]), "binary/encrypted")
		require.Empty(t, found(left[where], spoken), where)
	}
	require.Contains(t, string(left["what the starter printed"]), oddPath)
	require.Equal(t, "guarded", s.result(t, "guarded").Experiment)

	s.env = append(s.env, payload.EnvKeyFile+"=")
	s.refused(t, 1, []string{"show", "guarded"}, "payload key missing", payload.EnvKeyFile)
}

// found names the secrets that are in a content.
func found(content []byte, secrets map[string]string) (names []string) {
	for name, secret := range secrets {
		if bytes.Contains(content, []byte(secret)) {
			names = append(names, name)
		}
	}
	return names
}

// random is a secret of so many bytes, in hexadecimal.
func random(t *testing.T, n int) string {
	t.Helper()
	secret := make([]byte, n)
	_, err := rand.Read(secret)
	require.NoError(t, err)
	return hex.EncodeToString(secret)
}

// guard puts a door before Temporal that wants a client certificate and an API key, gives the programs both, and temporary keys
// to the object store in files: those of a worker. It returns all that must not be seen.
func (s *stack) guard(t *testing.T) map[string]string {
	t.Helper()
	require.NoError(t, s.store.EnsureBucket(t.Context()))
	a := tlstest.NewAuthority(t)
	mutual := a.Server(t)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, a.Pool()
	apiKey := random(t, 20)
	certificate, key := a.Issue(t, "programs")
	door := s.temporal.Secure(t, mutual, apiKey)
	s.env = append(s.env,
		frontend.EnvAddress+"="+door.Address, frontend.EnvCA+"="+a.File, frontend.EnvAPIKey+"="+apiKey,
		frontend.EnvClientCert+"="+certificate, frontend.EnvClientKey+"="+key)
	t.Cleanup(func() { require.Equal(t, []string{"Bearer " + apiKey}, door.Keys()) })

	secrets := map[string]string{
		"API key": apiKey, "secret key of all rights": s.server.Config.SecretKey, "access key of all rights": s.server.Config.AccessKey,
	}
	for line := range strings.Lines(read(t, key)) {
		if !strings.HasPrefix(line, "-----") {
			secrets["client key"] = strings.TrimSpace(line)
		}
	}
	for _, role := range []string{"worker", "reader"} {
		c := s.limited(t, role)
		secrets["access key of "+role], secrets["secret key of "+role] = c.AccessKey, c.SecretKey
		if c.SessionToken != "" {
			secrets["session token of "+role] = c.SessionToken
		}
		s.roles[role] = keyFiles(t, c)
	}
	return secrets
}

// limited is somebody with the rights of a policy, where the server knows policies.
func (s *stack) limited(t *testing.T, policy string) storage.Config {
	t.Helper()
	if os.Getenv(storagetest.EnvStore) == "versitygw" {
		return s.server.Config
	}
	return storagetest.Assume(t, s.server.Config, policy)
}

// keyFiles writes the keys into files, and returns the variables that name them and nothing else.
func keyFiles(t *testing.T, c storage.Config) (env []string) {
	t.Helper()
	dir := t.TempDir()
	for name, key := range map[string]string{
		storage.EnvAccessKey: c.AccessKey, storage.EnvSecretKey: c.SecretKey, storage.EnvSessionToken: c.SessionToken,
	} {
		env = append(env, name+"=")
		if key != "" {
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
			env = append(env, name+"_FILE="+path)
		}
	}
	return env
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// runGuarded runs two experiments, one of which fails, and returns all that they leave, by where it is.
func (s *stack) runGuarded(t *testing.T) map[string][]byte {
	t.Helper()
	as := func(role string) { s.env = append(s.env, s.roles[role]...) }
	as("worker")
	secretFile := variableOf(s.env, storage.EnvSecretKey+"_FILE")
	worker := s.start(t, "worker", "--log-level", "debug", "--log-format", "json", "--threads", "1", "--cache", t.TempDir())
	pending := s.watchPending(t)

	as("reader")
	run := s.start(t, "starter", "run", tinySpec(t, syntheticSet), "--name", "guarded", "--watch", "--set", "seed="+oddSeed,
		"--set", "pretrain.epochs=1", "--set", "finetune.epochs=1")
	eventually(t, "an epoch to begin", func(context.Context) bool {
		return strings.Contains(worker.output.String(), `"ActivityType":"`+experiment.ActivityPretrainEpoch)
	})
	right := read(t, secretFile)
	require.NoError(t, os.WriteFile(secretFile, []byte("wrong-"+random(t, 16)), 0o600))
	eventually(t, "watch to tell of the refused keys", func(context.Context) bool {
		return strings.Contains(run.output.String(), "access denied")
	})
	require.NoError(t, os.WriteFile(secretFile, []byte(right), 0o600))
	require.NoError(t, run.wait(t), "the right key is used without a restart:\n%s", run.output.String())

	printed := run.output.String()
	out, err := s.starter(t, "run", fromArchive(t, oddPath, strings.Repeat("0", 64)), "--name", "guarded-failure", "--watch")
	require.Error(t, err)
	printed += out
	results := t.TempDir()
	for _, arguments := range [][]string{
		{"list"}, {"show", "guarded"}, {"show", "guarded", "-o", "json"}, {"show", "guarded-failure"}, {"doctor"},
		{"get", "guarded", "--out", results},
	} {
		out, _ := s.starter(t, arguments...)
		printed += out
	}
	require.Contains(t, printed, "report.html", "a reader may get it")
	return map[string][]byte{
		"the histories":            s.histories(t),
		"pending activities":       pending(),
		"the worker's log":         []byte(worker.output.String()),
		"what the starter printed": []byte(printed),
		"the objects":              s.objects(t),
	}
}

// variableOf is the last value of a variable in an environment, which is the one that counts.
func variableOf(env []string, name string) (value string) {
	for _, assignment := range env {
		if v, ok := strings.CutPrefix(assignment, name+"="); ok {
			value = v
		}
	}
	return value
}

// histories are all events of all workflows, as Temporal keeps them.
func (s *stack) histories(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	workflows, err := s.temporal.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	require.Empty(t, workflows.GetNextPageToken())
	require.GreaterOrEqual(t, len(workflows.GetExecutions()), 3, "experiments and their children")
	for _, w := range workflows.GetExecutions() {
		write(t, &all, w)
		events := s.temporal.Client.GetWorkflowHistory(t.Context(), w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId(), false,
			enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			write(t, &all, event)
		}
	}
	return all.Bytes()
}

// write adds a message in the form in which payloads stand as they are.
func write(t *testing.T, all *bytes.Buffer, m proto.Message) {
	t.Helper()
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	all.Write(data)
}

// watchPending looks at the heartbeats and failures of all activities while they run, which are in no history, until the
// function that it returns is called.
func (s *stack) watchPending(t *testing.T) func() []byte {
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan []byte, 1)
	go func() {
		var all bytes.Buffer
		for ctx.Err() == nil {
			for _, id := range []string{"guarded", "guarded/pretraining", "guarded/evaluation"} {
				description, err := s.temporal.Client.DescribeWorkflowExecution(ctx, id, "")
				if err != nil {
					continue
				}
				if data, err := proto.Marshal(description); err == nil {
					all.Write(data)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		result <- all.Bytes()
	}()
	t.Cleanup(cancel)
	return func() []byte {
		cancel()
		return <-result
	}
}

// objects are all in the bucket, with their keys.
func (s *stack) objects(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	listed, err := s.store.List(t.Context(), "")
	require.NoError(t, err)
	for _, a := range listed {
		content, err := s.store.Get(t.Context(), a)
		require.NoError(t, err)
		fmt.Fprintln(&all, a.Key)
		all.Write(content)
	}
	return all.Bytes()
}
