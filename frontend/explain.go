package frontend

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// Dial connects to Temporal. The error says what to do.
func Dial(ctx context.Context, o client.Options) (client.Client, error) {
	c, err := client.DialContext(ctx, o)
	if err == nil {
		return c, nil
	}
	if fix(o, err) != "" {
		return nil, Explain(o, err)
	}
	return nil, fmt.Errorf("can't reach Temporal at %s: start it with `make up`, or name another one in %s: %w",
		o.HostPort, EnvAddress, err)
}

// Explain adds to the error of a call over a connection with these options what the settings have to do with it and what to
// change; an error that they have no part in passes unchanged.
func Explain(o client.Options, err error) error {
	if fix := fix(o, err); fix != "" {
		return fmt.Errorf("reach Temporal at %s: it %s: %w", o.HostPort, fix, err)
	}
	return err
}

// fix says what is wrong and what to do. gRPC passes on errors of TLS as text, so that is all there is to tell them by.
func fix(o client.Options, err error) string {
	if err == nil {
		return ""
	}
	secure := o.ConnectionOptions.TLS != nil
	says := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(err.Error(), part) {
				return true
			}
		}
		return false
	}
	switch {
	case says("first record does not look like a TLS handshake"):
		return "does not speak TLS: remove TEMPORAL_TLS…, or name another address in " + EnvAddress
	case says("certificate signed by unknown authority", "certificate is not trusted"):
		return "has a certificate that is not trusted: name its authority's certificate in " + EnvCA
	case says("x509: certificate is valid for", "doesn't contain any IP SANs", "x509: certificate is not valid for any names"):
		return "has a certificate for another name: name that in " + EnvServerName
	case says("certificate has expired or is not yet valid"):
		return "has a certificate that is not valid now: renew it, or set this machine's clock"
	case says("tls: certificate required"):
		return "wants a client certificate: name it in " + EnvClientCert + " and its key in " + EnvClientKey
	case says("tls: unknown certificate authority", "tls: bad certificate", "tls: expired certificate", "tls: certificate unknown"):
		return "refuses the client certificate: name one of an authority that it trusts in " + EnvClientCert
	case !secure && says("error reading server preface", "connection closed before server preface received"):
		return "does not speak plain gRPC; if it speaks TLS, set " + EnvTLS + "=true or " + EnvCA
	case secure && says("broken pipe", "connection reset", "error reading server preface"):
		// What it says of a certificate that it misses or refuses can get lost behind our first bytes.
		return fmt.Sprintf("hangs up: it may want another client certificate: name it in %s and its key in %s", EnvClientCert, EnvClientKey)
	case errors.As(err, new(*serviceerror.PermissionDenied)) || says("code = Unauthenticated", "code = PermissionDenied"):
		return "refuses the credentials: check " + EnvAPIKey + ", or the client certificate in " + EnvClientCert
	}
	return ""
}
