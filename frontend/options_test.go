package frontend_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"twinview/frontend"
	"twinview/integration/temporaltest"
	"twinview/integration/tlstest"
	"twinview/payload"
)

// noSettings makes an environment that says nothing of Temporal; what the test sets is undone.
func noSettings(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "TEMPORAL_") {
			t.Setenv(name, value) // so that it comes back
			require.NoError(t, os.Unsetenv(name))
		}
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
}

func TestFlagsOverrideTheAddressAlone(t *testing.T) {
	noSettings(t)
	a := tlstest.NewAuthority(t)
	certificate, key := a.Issue(t, "client")
	t.Setenv(frontend.EnvAddress, "environment:1")
	t.Setenv(frontend.EnvCA, a.File)
	t.Setenv(frontend.EnvClientCert, certificate)
	t.Setenv(frontend.EnvClientKey, key)
	t.Setenv(frontend.EnvAPIKey, "hidden-key")
	o, err := frontend.Options("", "", payload.Keys{})
	require.NoError(t, err)
	require.Equal(t, "environment:1", o.HostPort)
	require.Equal(t, client.DefaultNamespace, o.Namespace)

	o, err = frontend.Options("flag:2", "lab", payload.Keys{})
	require.NoError(t, err)
	require.Equal(t, "flag:2", o.HostPort)
	require.Equal(t, "lab", o.Namespace)
	require.NotNil(t, o.Credentials)
	require.Len(t, o.ConnectionOptions.TLS.Certificates, 1)
	require.True(t, a.Pool().Equal(o.ConnectionOptions.TLS.RootCAs))
}

func TestTemporalIsOnThisMachineWhereNobodySaysElse(t *testing.T) {
	noSettings(t)
	o, err := frontend.Options("", "", payload.Keys{})
	require.NoError(t, err)
	require.Equal(t, client.DefaultHostPort, o.HostPort)
	require.Nil(t, o.ConnectionOptions.TLS)
}

// An API key switches TLS on by itself, and is refused where TLS is switched off.
func TestAPIKeyNeedsTLS(t *testing.T) {
	noSettings(t)
	t.Setenv(frontend.EnvAPIKey, "hidden-key")
	o, err := frontend.Options("", "", payload.Keys{})
	require.NoError(t, err)
	require.NotNil(t, o.ConnectionOptions.TLS)

	t.Setenv(frontend.EnvTLS, "false")
	_, err = frontend.Options("", "", payload.Keys{})
	require.ErrorContains(t, err, "TEMPORAL_API_KEY is set and TLS is switched off")
	require.NotContains(t, err.Error(), "hidden-key")
}

func TestMissingCertificatesAreNamed(t *testing.T) {
	noSettings(t)
	t.Setenv(frontend.EnvCA, "no/such/authority.crt")
	_, err := frontend.Options("", "", payload.Keys{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "no/such/authority.crt")
}

// connect makes one call as the environment says.
func connect(t *testing.T, address string) error {
	t.Helper()
	o, err := frontend.Options(address, "", payload.Keys{})
	require.NoError(t, err)
	o.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := frontend.Dial(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: o.Namespace})
	return frontend.Explain(o, err)
}

// A real Temporal behind TLS is reached by whoever has what it asks for. Everybody else is told what that is.
func TestTLS(t *testing.T) {
	noSettings(t)
	server := temporaltest.Start(t)
	ours, other := tlstest.NewAuthority(t), tlstest.NewAuthority(t)
	open := server.Secure(t, ours.Server(t), "")
	mutual := ours.Server(t)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ours.Pool()
	closed := server.Secure(t, mutual, "")
	keyed := server.Secure(t, ours.Server(t), "hidden-key")
	certificate, key := ours.Issue(t, "client")
	stranger, strangersKey := other.Issue(t, "stranger")
	client := func(certificate, key string) map[string]string {
		return map[string]string{frontend.EnvCA: ours.File, frontend.EnvClientCert: certificate, frontend.EnvClientKey: key}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())

	for name, test := range map[string]struct {
		address  string
		settings map[string]string
		// fix is in the error, empty where there is none.
		fix string
	}{
		"TLS":                          {open.Address, map[string]string{frontend.EnvCA: ours.File}, ""},
		"mTLS":                         {closed.Address, client(certificate, key), ""},
		"API key":                      {keyed.Address, map[string]string{frontend.EnvCA: ours.File, frontend.EnvAPIKey: "hidden-key"}, ""},
		"no TLS":                       {server.Address, nil, ""},
		"TLS where there is none":      {server.Address, map[string]string{frontend.EnvTLS: "true"}, "does not speak TLS"},
		"none where there is TLS":      {open.Address, nil, "set TEMPORAL_TLS=true or TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		"unknown authority":            {open.Address, map[string]string{frontend.EnvTLS: "true"}, "name its authority's certificate in TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		"another authority":            {open.Address, map[string]string{frontend.EnvCA: other.File}, "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		"another name":                 {open.Address, map[string]string{frontend.EnvCA: ours.File, frontend.EnvServerName: "temporal.lab"}, "TEMPORAL_TLS_SERVER_NAME"},
		"no client certificate":        {closed.Address, map[string]string{frontend.EnvCA: ours.File}, "name it in TEMPORAL_TLS_CLIENT_CERT_PATH and its key in TEMPORAL_TLS_CLIENT_KEY_PATH"},
		"a stranger's certificate":     {closed.Address, client(stranger, strangersKey), "TEMPORAL_TLS_CLIENT_CERT_PATH"},
		"no API key":                   {keyed.Address, map[string]string{frontend.EnvCA: ours.File}, "check TEMPORAL_API_KEY"},
		"another API key":              {keyed.Address, map[string]string{frontend.EnvCA: ours.File, frontend.EnvAPIKey: "hidden-other"}, "check TEMPORAL_API_KEY"},
		"nobody, which is no question": {l.Addr().String(), map[string]string{frontend.EnvCA: ours.File}, "name another one in TEMPORAL_ADDRESS"},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.settings {
				t.Setenv(name, value)
			}
			err := connect(t, test.address)
			if test.fix == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.fix)
			require.ErrorContains(t, err, test.address)
			require.NotContains(t, err.Error(), "hidden")
		})
	}
	require.ElementsMatch(t, []string{"Bearer hidden-key", "Bearer hidden-other"}, keyed.Keys())
	require.Empty(t, open.Keys())
}
