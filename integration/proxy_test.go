package integration

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a program and a server, and can be cut like a cable.
type proxy struct {
	address string
	server  string

	mu    sync.Mutex
	cut   bool
	lines map[net.Conn]struct{}
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	p := &proxy{address: l.Addr().String(), server: server, lines: map[net.Conn]struct{}{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.forward(c)
		}
	}()
	return p
}

// forward copies both ways until either side ends, or the proxy is cut.
func (p *proxy) forward(client net.Conn) {
	defer client.Close()
	if !p.plug(client) {
		return
	}
	defer p.unplug(client)
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.plug(server) {
		return
	}
	defer p.unplug(server)
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	io.Copy(client, server)
}

func (p *proxy) plug(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		p.lines[c] = struct{}{}
	}
	return !p.cut
}

func (p *proxy) unplug(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lines, c)
}

// setCut breaks all connections and refuses new ones, or lets them through again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	for c := range p.lines {
		if cut {
			c.Close()
		}
	}
}
