// Package frontend says how to reach Temporal: its frontend service, as Temporal's own environment variables and configuration
// file describe it, and what to do where it can't be reached.
package frontend

import (
	"cmp"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"twinview/payload"
)

// Environment variables that errors name. There are more: https://docs.temporal.io/develop/environment-configuration.
const (
	EnvAddress    = "TEMPORAL_ADDRESS"
	EnvNamespace  = "TEMPORAL_NAMESPACE"
	EnvAPIKey     = "TEMPORAL_API_KEY"
	EnvTLS        = "TEMPORAL_TLS"
	EnvCA         = "TEMPORAL_TLS_SERVER_CA_CERT_PATH"
	EnvClientCert = "TEMPORAL_TLS_CLIENT_CERT_PATH"
	EnvClientKey  = "TEMPORAL_TLS_CLIENT_KEY_PATH"
	EnvServerName = "TEMPORAL_TLS_SERVER_NAME"
)

// Options are those of a client, as the environment describes it: where Temporal is, TLS, credentials, and the keys that
// encrypt payloads. An address and a namespace that are not empty go before the environment's; all else stays.
func Options(address, namespace string, keys payload.Keys) (client.Options, error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, fmt.Errorf("read Temporal's settings: %w", err)
	}
	if o.Credentials != nil && o.ConnectionOptions.TLSDisabled {
		// The SDK would send it all the same, for everybody on the way to read.
		return client.Options{}, errors.New(EnvAPIKey + " is set and TLS is switched off: an API key goes over TLS alone; set " +
			EnvTLS + "=true, or remove the key")
	}
	o.HostPort = cmp.Or(address, o.HostPort, client.DefaultHostPort)
	o.Namespace = cmp.Or(namespace, o.Namespace, client.DefaultNamespace)
	o.DataConverter, o.FailureConverter = keys.DataConverter(), keys.FailureConverter()
	return o, nil
}
