package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextForPeople(t *testing.T) {
	require.Equal(t, "91.80 %", Percent(0.918))
	require.Equal(t, "3.2 s", Seconds(3.21))
	require.Equal(t, "1m0s", Seconds(60))
	require.Equal(t, "1h2m3s", Seconds(3723.4))
}
