package storage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

const (
	// dialTimeout bounds the making of a connection.
	dialTimeout = 3 * time.Second
	// silence is how long by default a connection may carry nothing in either direction while a request is under way. A server
	// that has to flush a large object to a slow disk needs several seconds before it answers.
	silence = 30 * time.Second
)

// newTransport is http.DefaultTransport with bounded waits: net/http alone would wait for ever on a connection that dies
// in the middle of a body. silence is how long a connection may carry nothing. trusted are the authorities of the server's
// certificate, nil for the system's.
func newTransport(silence time.Duration, trusted *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{conn, silence}, nil
	}
	t.TLSHandshakeTimeout = 2 * dialTimeout
	t.MaxIdleConnsPerHost = 16
	// Objects are stored as they are: their digest is that of the bytes on the wire.
	t.DisableCompression = true
	// The protocol stays HTTP/1.1, where a connection carries one request and its silence means something.
	t.ForceAttemptHTTP2 = false
	return t
}

// HTTPClient is one that reaches the store's server as a Store does, trusting the same authorities.
func (c Config) HTTPClient() (*http.Client, error) {
	trusted, err := c.trusted()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: newTransport(silence, trusted)}, nil
}

// watchedConn gives up on a peer that stays silent. A write extends the time of a read that is waiting, since the answer to
// a long upload comes only after it.
type watchedConn struct {
	net.Conn
	silence time.Duration
}

func (c *watchedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *watchedConn) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
