package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"twinview/attribute"
	"twinview/integration/temporaltest"
	"twinview/payload"
)

func TestDoctorRegistersSearchAttributes(t *testing.T) {
	noServers(t)
	server := temporaltest.Start(t)
	at := []string{"--address", server.Address, "--only", "attributes"}
	out, err := starter(t, at, "doctor")
	require.ErrorIs(t, err, errUnwell)
	require.Contains(t, out, "FAIL  attributes")
	require.Contains(t, out, "BestAccuracy, Dataset, Diverged")
	require.Contains(t, out, "starter doctor --fix")
	out, err = starter(t, at, "doctor", "--fix")
	require.NoError(t, err)
	require.Contains(t, out, "registered BestAccuracy")
	out, err = starter(t, at, "doctor")
	require.NoError(t, err)
	require.Contains(t, out, "all 8 registered")
}

func TestDoctorCannotChangeTypes(t *testing.T) {
	noServers(t)
	server := temporaltest.Start(t)
	_, err := server.Client.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default", SearchAttributes: map[string]enums.IndexedValueType{attribute.Stage: enums.INDEXED_VALUE_TYPE_INT},
	})
	require.NoError(t, err)
	at := []string{"--address", server.Address}
	out, err := starter(t, at, "doctor", "--fix", "--only", "attributes")
	require.ErrorIs(t, err, errUnwell)
	require.Contains(t, out, "Stage is Int, not Keyword")

	out, err = starter(t, at, "run", writeSpec(t, goodSpec))
	require.NoError(t, err, "an experiment needs no attributes")
	require.Contains(t, out, "submitted without search attributes")
}

// An experiment runs on a server without the attributes, and lists show it all the same.
func TestListWithoutSearchAttributes(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec)
	out, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err)
	require.Contains(t, out, "submitted without search attributes")
	require.Contains(t, out, "starter doctor --fix")
	_, err = starter(t, at, "run", spec, "--name", "held", "--set", "seed=99")
	require.NoError(t, err)
	_, err = starter(t, at, "pause", "held")
	require.NoError(t, err)
	requireHeldAndFirst(t, at)
}

func TestListWithSearchAttributes(t *testing.T) {
	at := startExperiments(t)
	_, err := starter(t, at, "doctor", "--fix", "--only", "attributes")
	require.NoError(t, err)
	spec := writeSpec(t, goodSpec)
	out, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err)
	require.NotContains(t, out, "search attributes")
	_, err = starter(t, at, "run", spec, "--name", "held", "--set", "seed=99")
	require.NoError(t, err)
	_, err = starter(t, at, "pause", "held")
	require.NoError(t, err)
	requireHeldAndFirst(t, at)

	t.Setenv(envUI, "http://ui.example/")
	out, err = starter(t, at, "list", "--query", "BestAccuracy > 0.65")
	require.NoError(t, err)
	require.Contains(t, out, "first")
	require.NotContains(t, out, "held")
	require.Contains(t, out, "http://ui.example/namespaces/default/workflows?query=WorkflowType+%3D+%27Experiment%27+AND+%28Best")
	_, err = starter(t, at, "list", "--query", "Colour = 'red'")
	require.ErrorContains(t, err, `--query: Temporal does not understand "Colour = 'red'"`)
}

// requireHeldAndFirst expects the experiments "first", which has finished, and "held", which is paused.
func requireHeldAndFirst(t *testing.T, at []string) {
	t.Helper()
	names := func(arguments ...string) (all []string) {
		out, err := starter(t, at, append([]string{"list", "-o", "json"}, arguments...)...)
		require.NoError(t, err)
		var found []overview
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		for _, o := range found {
			all = append(all, o.Name+" "+o.Status+" "+o.Stage+" "+o.Method+" "+o.Dataset)
		}
		return all
	}
	held, first := "held paused pretrain simclr synthetic", "first finished done simclr synthetic"
	require.Eventually(t, func() bool {
		all := names()
		return len(all) == 2 && all[0] == held && all[1] == first
	}, 10*time.Second, 200*time.Millisecond, "visibility catches up")
	require.Equal(t, []string{held}, names("--status", "paused"))
	require.Empty(t, names("--status", "running"))
	require.Equal(t, []string{first}, names("--status", "finished"))
	require.Equal(t, []string{first}, names("--stage", "done", "--method", "simclr", "--dataset", "synthetic", "--since", "1h"))
	require.Empty(t, names("--method", "barlow_twins"))
	require.Equal(t, []string{first, held}, names("--sort", "accuracy"))
	require.Equal(t, []string{first}, names("--sort", "accuracy", "--limit", "1"))
	out, err := starter(t, at, "list")
	require.NoError(t, err)
	require.Contains(t, out, "70.00 %")
}

// Temporal keeps search attributes as they are: with a payload key there are none.
func TestEncryptedExperimentsHaveNoSearchAttributes(t *testing.T) {
	noServers(t)
	t.Setenv(payload.EnvKeyFile, "")
	server := temporaltest.Start(t)
	_, err := server.Client.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default", SearchAttributes: attribute.Kinds(),
	})
	require.NoError(t, err)
	t.Setenv(payload.EnvKey, newPayloadKey(t))
	at := []string{"--address", server.Address}
	out, err := starter(t, at, "doctor", "--only", "attributes")
	require.NoError(t, err)
	require.Contains(t, out, "none: with a payload key")
	out, err = starter(t, at, "run", writeSpec(t, goodSpec))
	require.NoError(t, err)
	require.NotContains(t, out, "search attributes")
	description, err := server.Client.DescribeWorkflow(t.Context(), "first", "")
	require.NoError(t, err)
	require.Zero(t, description.TypedSearchAttributes.Size())
}
