package loopback

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressIsFreeAndNoOutgoingConnectionsPort(t *testing.T) {
	for range 50 {
		address, err := Address()
		require.NoError(t, err)
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1", host)
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		require.GreaterOrEqual(t, n, lowest)
		require.LessOrEqual(t, n, highest)
	}
}
