package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// compose reads docker-compose.yml as Compose does, with every profile and the settings of .env.example.
func compose(t *testing.T) *types.Project {
	t.Helper()
	return composeWith(t, example(t))
}

func composeWith(t *testing.T, settings map[string]string) *types.Project {
	t.Helper()
	var env []string
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	o, err := cli.NewProjectOptions([]string{"../docker-compose.yml"}, cli.WithEnv(env), cli.WithProfiles([]string{"*"}),
		cli.WithName("twinview"))
	require.NoError(t, err)
	project, err := o.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// example are the settings of .env.example.
func example(t *testing.T) map[string]string {
	t.Helper()
	settings, err := dotenv.Read("../.env.example")
	require.NoError(t, err)
	return settings
}

func TestComposeFileIsValid(t *testing.T) {
	project := compose(t)
	var names []string
	for name, s := range project.Services {
		names = append(names, name)
		if name == "temporal-schema" || name == "provision" {
			require.Equal(t, types.RestartPolicyOnFailure, s.Restart, "%s ends", name)
			continue
		}
		require.Equal(t, types.RestartPolicyUnlessStopped, s.Restart, name)
		if s.Build == nil {
			require.NotNil(t, s.HealthCheck, name)
			require.Regexp(t, `:v?[A-Za-z]*[.0-9-]+`, s.Image, "a pinned version")
		}
		for _, p := range s.Ports {
			require.Equal(t, "127.0.0.1", p.HostIP, "%s is open to this machine alone", name)
		}
	}
	require.ElementsMatch(t, []string{
		"postgres", "temporal-schema", "temporal", "temporal-ui", "minio", "provision", "worker", "worker-gpu", "prometheus", "grafana",
	}, names)
	for name, profile := range map[string]string{"prometheus": "observability", "grafana": "observability", "worker-gpu": "gpu"} {
		require.Equal(t, []string{profile}, project.Services[name].Profiles)
	}
}

// A worker that is stopped has the time that it takes to hand back its epoch, and a little more.
func TestComposeWaitsForGracefulStops(t *testing.T) {
	for _, name := range []string{"worker", "worker-gpu"} {
		grace := compose(t).Services[name].StopGracePeriod
		require.NotNil(t, grace)
		require.Greater(t, time.Duration(*grace), 30*time.Second) // activities.DefaultGrace
	}
}

// Of MinIO's root credentials know the server and the job that prepares it; of the worker's, those two and workers.
func TestComposeGivesCredentialsToThoseWhoNeedThem(t *testing.T) {
	settings := example(t)
	for name, value := range settings { // each its own, to be told apart
		if value == "change-me" {
			settings[name] = "secret of " + name
		}
	}
	project := composeWith(t, settings)
	may := map[string][]string{
		"MINIO_ROOT_PASSWORD":     {"minio", "provision"},
		"MINIO_WORKER_SECRET_KEY": {"provision", "worker", "worker-gpu"},
		"MINIO_SECRET_KEY":        {"provision"},
		"POSTGRES_PASSWORD":       {"postgres", "temporal", "temporal-schema"},
		"GRAFANA_PASSWORD":        {"grafana"},
	}
	for secret, allowed := range may {
		var have []string
		for name, s := range project.Services {
			for _, value := range s.Environment {
				if value != nil && strings.Contains(*value, "secret of "+secret) {
					have = append(have, name)
				}
			}
		}
		slices.Sort(have)
		require.Equal(t, allowed, have, secret)
	}
}

// What is mounted from the repository is in it.
func TestComposeMountsWhatIsThere(t *testing.T) {
	project := compose(t)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	for name, s := range project.Services {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && !strings.HasSuffix(v.Source, "/data") {
				require.True(t, strings.HasPrefix(v.Source, root), "%s: %s", name, v.Source)
				_, err := os.Stat(v.Source)
				require.NoError(t, err, name)
			}
		}
	}
}
