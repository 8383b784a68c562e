package storagetest

import (
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"twinview/loopback"
)

// Proxy runs a proxy on a free loopback port between a program and a server until the test ends. Its Listen is the address to
// take. Stop cuts it like a cable, Start mends it, and Toxics make it worse than it is.
func Proxy(t testing.TB, server string) *toxiproxy.Proxy {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	address, err := loopback.Address()
	if err != nil {
		t.Fatalf("start a proxy to %s: %v", server, err)
	}
	p := toxiproxy.NewProxy(api, t.Name(), address, server)
	if err := p.Start(); err != nil {
		t.Fatalf("start a proxy to %s: %v", server, err)
	}
	t.Cleanup(p.Stop)
	return p
}
