// Package loopback finds addresses of this machine for servers and proxies that tests and the chaos program start, end and start
// again.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports outside the ranges that systems take the ports of outgoing connections from: Linux from 32768 on, others from 49152.
const (
	lowest  = 20000
	highest = 31999
)

// Address is a host and port, "127.0.0.1:…", on which nobody listens at the moment. A port chosen by the system would lie among
// those of outgoing connections, and one of these may take it while a server is down that has to come back at it.
func Address() (string, error) {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest+1))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("find a free port: a hundred were in use")
}
