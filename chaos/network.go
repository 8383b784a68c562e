package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"twinview/loopback"
)

// link is the cable between the programs and a server. It can be cut and made slow.
type link struct {
	proxy *toxiproxy.Proxy
}

func newLink(name, target string) (*link, error) {
	// Its toxics know no other logger.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	address, err := loopback.Address()
	if err != nil {
		return nil, fmt.Errorf("start a proxy to %s: %w", name, err)
	}
	p := toxiproxy.NewProxy(api, name, address, target)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start a proxy to %s: %w", name, err)
	}
	return &link{p}, nil
}

func (l *link) address() string { return l.proxy.Listen }

// cut ends all connections and refuses new ones.
func (l *link) cut() { l.proxy.Stop() }

// mend accepts connections again.
func (l *link) mend() error {
	if err := l.proxy.Start(); err != nil && !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		return fmt.Errorf("mend the link to %s: %w", l.proxy.Name, err)
	}
	return nil
}

// slow delays every byte by milliseconds in both directions and lets kilobytes a second through, until heal.
func (l *link) slow(milliseconds, kilobytes int) error {
	for _, stream := range []string{"upstream", "downstream"} {
		for _, toxic := range []string{
			fmt.Sprintf(`{"name": "latency-%s", "type": "latency", "stream": %[1]q, "attributes": {"latency": %d, "jitter": %d}}`,
				stream, milliseconds, milliseconds/2),
			fmt.Sprintf(`{"name": "bandwidth-%s", "type": "bandwidth", "stream": %[1]q, "attributes": {"rate": %d}}`, stream, kilobytes),
		} {
			if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				return fmt.Errorf("slow %s down: %w", l.proxy.Name, err)
			}
		}
	}
	return nil
}

func (l *link) heal() { l.proxy.Toxics.ResetToxics(context.Background()) }
