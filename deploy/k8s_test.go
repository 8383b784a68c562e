package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"twinview/experiment"
)

// decode reads manifests as the API server would that refuses unknown fields and values of wrong types.
func decode(t *testing.T, manifests []byte) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, batch.AddToScheme, networking.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		object, _, err := strict.Decode(document, nil, nil)
		require.NoError(t, err, string(document))
		objects = append(objects, object)
	}
}

// built is what `kubectl apply -k` would send.
func built(t *testing.T, folder string) []runtime.Object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	require.NoError(t, err)
	manifests, err := resources.AsYaml()
	require.NoError(t, err)
	return decode(t, manifests)
}

// examples are the files beside what kustomize takes.
func examples(t *testing.T) []runtime.Object {
	t.Helper()
	files, err := filepath.Glob("k8s/examples/*.yaml")
	require.NoError(t, err)
	var all []runtime.Object
	for _, file := range files {
		manifests, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, decode(t, manifests)...)
	}
	return all
}

// find is the only object of a type.
func find[T runtime.Object](t *testing.T, objects []runtime.Object) (found T) {
	t.Helper()
	n := 0
	for _, o := range objects {
		if o, ok := o.(T); ok {
			found = o
			n++
		}
	}
	require.Equal(t, 1, n)
	return found
}

// pods are the templates of all that runs.
func pods(objects []runtime.Object) (all []core.PodTemplateSpec) {
	for _, o := range objects {
		switch o := o.(type) {
		case *apps.Deployment:
			all = append(all, o.Spec.Template)
		case *batch.Job:
			all = append(all, o.Spec.Template)
		}
	}
	return all
}

func TestManifestsAreValid(t *testing.T) {
	for _, folder := range []string{"k8s/base", "k8s/gpu"} {
		objects := built(t, folder)
		require.Len(t, objects, 5, folder)
		for _, pod := range pods(append(objects, examples(t)...)) {
			requireRestricted(t, pod.Spec)
			require.Equal(t, "twinview", pod.Labels["app.kubernetes.io/part-of"], "the network policy is about it")
			require.Contains(t, pod.Spec.Containers[0].Image, "registry.example/")
		}
	}
}

// requireRestricted checks what the namespace's label enforces.
func requireRestricted(t *testing.T, pod core.PodSpec) {
	t.Helper()
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.NotZero(t, *pod.SecurityContext.RunAsUser)
	require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.False(t, *pod.AutomountServiceAccountToken)
	for _, c := range pod.Containers {
		require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
		require.Equal(t, []core.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
		require.NotEmpty(t, c.Resources.Requests)
		require.NotEmpty(t, c.Resources.Limits)
	}
}

func TestWorkersStopGracefullyAndAreProbed(t *testing.T) {
	for _, folder := range []string{"k8s/base", "k8s/gpu"} {
		pod := find[*apps.Deployment](t, built(t, folder)).Spec.Template
		const grace = 30 // activities.DefaultGrace; its package takes minutes to compile
		require.Greater(t, *pod.Spec.TerminationGracePeriodSeconds, int64(grace))
		worker := pod.Spec.Containers[0]
		require.Contains(t, worker.Args, "--metrics-address=:9464")
		require.Equal(t, "/healthz", worker.LivenessProbe.HTTPGet.Path)
		require.Equal(t, "/readyz", worker.ReadinessProbe.HTTPGet.Path)
		for _, probe := range []*core.Probe{worker.LivenessProbe, worker.ReadinessProbe} {
			require.Equal(t, worker.Ports[0].Name, probe.HTTPGet.Port.String())
		}
		require.Equal(t, int32(9464), worker.Ports[0].ContainerPort)
	}
	gpus := find[*apps.Deployment](t, built(t, "k8s/gpu")).Spec.Template.Spec.Containers[0].Resources.Limits["nvidia.com/gpu"]
	require.Equal(t, int64(1), gpus.Value())
}

// Whoever mounts a secret or a map of settings finds one of that name and with these keys.
func TestWhatIsMountedIsThere(t *testing.T) {
	objects := append(built(t, "k8s/base"), examples(t)...)
	secrets, maps := map[string][]string{}, map[string][]string{}
	for _, o := range objects {
		switch o := o.(type) {
		case *core.Secret:
			for key := range o.StringData {
				secrets[o.Name] = append(secrets[o.Name], key)
			}
		case *core.ConfigMap:
			for key := range o.Data {
				maps[o.Name] = append(maps[o.Name], key)
			}
		}
	}
	for _, pod := range pods(objects) {
		c := pod.Spec.Containers[0]
		for _, from := range c.EnvFrom {
			require.Contains(t, maps, from.ConfigMapRef.Name)
		}
		for _, v := range pod.Spec.Volumes {
			if v.ConfigMap != nil {
				require.Contains(t, maps, v.ConfigMap.Name)
			}
			if v.Secret == nil {
				continue
			}
			i := slices.IndexFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == v.Name })
			for _, e := range c.Env {
				if file, ok := strings.CutPrefix(e.Value, c.VolumeMounts[i].MountPath+"/"); ok {
					require.Contains(t, secrets[v.Secret.SecretName], file, "%s of %s", e.Name, v.Secret.SecretName)
				}
			}
		}
	}
}

// Only the job that prepares MinIO has the root's credentials.
func TestWorkersHaveNoRootCredentials(t *testing.T) {
	for _, pod := range pods(append(built(t, "k8s/base"), examples(t)...)) {
		for _, v := range pod.Spec.Volumes {
			if v.Secret != nil && v.Secret.SecretName == "object-store-root" {
				require.Equal(t, []string{"provision"}, pod.Spec.Containers[0].Args)
			}
		}
	}
}

func TestPolicyLetsThroughWhatIsNeeded(t *testing.T) {
	policy := find[*networking.NetworkPolicy](t, built(t, "k8s/base"))
	var open []int
	for _, rule := range policy.Spec.Egress {
		for _, p := range rule.Ports {
			open = append(open, p.Port.IntValue())
		}
	}
	config := find[*core.ConfigMap](t, built(t, "k8s/base")).Data
	for _, name := range []string{"TEMPORAL_ADDRESS", "MINIO_ENDPOINT"} {
		_, text, err := net.SplitHostPort(config[name])
		require.NoError(t, err, name)
		port, err := strconv.Atoi(text)
		require.NoError(t, err, name)
		require.Contains(t, open, port, name)
	}
	require.Equal(t, 9464, policy.Spec.Ingress[0].Ports[0].Port.IntValue())
}

func TestExampleSpecIsOne(t *testing.T) {
	for _, o := range examples(t) {
		if m, ok := o.(*core.ConfigMap); ok {
			spec, err := experiment.Parse([]byte(m.Data["first.yaml"]))
			require.NoError(t, err)
			require.Equal(t, "first", spec.Name)
		}
	}
}
