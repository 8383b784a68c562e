package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/hardware"
)

// What the device takes is in the usage.
func TestUsageHasTheDevicesEnergy(t *testing.T) {
	microjoules := uint64(0)
	a := &Activities{Energy: []hardware.Counter{
		{Of: hardware.GPU, Read: func() (uint64, error) { microjoules += 3_000_000; return microjoules, nil }},
	}}
	u := a.measure(t.Context())()
	require.Contains(t, u.EnergyOf, hardware.GPU)
	require.GreaterOrEqual(t, *u.Joules, 3.)

	two := u.After(&experiment.Usage{Seconds: 1, Joules: new(4.), EnergyOf: u.EnergyOf})
	require.Equal(t, *u.Joules+4, *two.Joules)
	require.Equal(t, u.EnergyOf, two.EnergyOf)
	other := u.After(&experiment.Usage{Seconds: 1, Joules: new(4.), EnergyOf: []string{hardware.Processors}})
	require.Nil(t, other.Joules, "the sum would be of neither")
}
