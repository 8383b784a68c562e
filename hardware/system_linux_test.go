package hardware

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a sysfs with the given energy counters, by zone: its name and the microjoules.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) machine { return machine{t, t.TempDir()} }

func (m machine) set(zone, name string, microjoules uint64) {
	m.t.Helper()
	dir := filepath.Join(m.dir, "class", "powercap", zone)
	require.NoError(m.t, os.MkdirAll(dir, 0o755))
	for file, content := range map[string]string{
		"name": name, "energy_uj": fmt.Sprint(microjoules), "max_energy_range_uj": "1000000000",
	} {
		require.NoError(m.t, os.WriteFile(filepath.Join(dir, file), []byte(content+"\n"), 0o644))
	}
}

// Two sockets with their memory; what is counted a second time under another name is left out.
func (m machine) setAll(first, second, memory uint64) {
	m.set("intel-rapl:0", "package-0", first)
	m.set("intel-rapl:0:0", "core", first/2)
	m.set("intel-rapl:0:1", "dram", memory)
	m.set("intel-rapl:1", "package-1", second)
	m.set("intel-rapl:2", "psys", 3*first)
	m.set("intel-rapl-mmio:0", "package-0", first)
}

func TestEnergyIsThatOfPackagesAndMemory(t *testing.T) {
	m := newMachine(t)
	m.setAll(10_000_000, 500, 7_000_000)
	e := measureEnergy(t.Context(), counters(m.dir))
	require.Zero(t, *e.Joules())
	m.setAll(15_000_000, 2_000_500, 7_250_000)
	require.InDelta(t, 7.25, *e.Joules(), 1e-9)
	require.InDelta(t, 7.25, *e.Joules(), 1e-9, "reading takes nothing away")
}

// What is counted beside the processors is added to them, and stands alone where they can't be read.
func TestEnergyOfWhatElseIsCounted(t *testing.T) {
	microjoules := uint64(5_000_000)
	gpu := Counter{Of: GPU, Read: func() (uint64, error) { return microjoules, nil }}
	m := newMachine(t)
	m.setAll(1_000_000, 0, 0)
	both := measureEnergy(t.Context(), append(counters(m.dir), gpu))
	require.Equal(t, []string{GPU, Processors}, both.Of())
	alone := measureEnergy(t.Context(), append(counters(t.TempDir()), gpu))
	require.Equal(t, []string{GPU}, alone.Of())
	m.setAll(3_000_000, 0, 0)
	microjoules += 10_000_000
	require.InDelta(t, 12, *both.Joules(), 1e-9)
	require.InDelta(t, 10, *alone.Joules(), 1e-9)

	microjoules = 0 // a driver that was loaded anew
	require.Nil(t, alone.Joules())
}

func TestEnergyGoesOnWhenACounterBeginsAnew(t *testing.T) {
	m := newMachine(t)
	m.setAll(999_000_000, 0, 0)
	e := measureEnergy(t.Context(), counters(m.dir))
	m.setAll(3_000_000, 0, 0)
	require.InDelta(t, 4, *e.Joules(), 1e-9)
}

func TestUnreadableEnergyIsNoNumber(t *testing.T) {
	none := measureEnergy(t.Context(), counters(t.TempDir()))
	require.Nil(t, none.Joules(), "a machine without counters")
	require.Nil(t, none.Of())
	m := newMachine(t)
	m.setAll(1, 2, 3)
	e := measureEnergy(t.Context(), counters(m.dir))
	require.NoError(t, os.Remove(filepath.Join(m.dir, "class", "powercap", "intel-rapl:1", "energy_uj")))
	require.Nil(t, e.Joules())
	m.setAll(10, 20, 30)
	require.Nil(t, e.Joules(), "what was missed is not made up for")
}
