package hardware

import (
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/sysfs"
)

// counters are those of Intel's and AMD's RAPL under sys, usually "/sys": one for each processor package and one for its
// memory. A package's cores are part of it, and so is all that "psys" and the "intel-rapl-mmio" zones count once more.
func counters(sys string) []Counter {
	fs, err := sysfs.NewFS(sys)
	if err != nil {
		return nil
	}
	zones, err := sysfs.GetRaplZones(fs)
	if err != nil {
		return nil
	}
	var all []Counter
	for _, zone := range zones {
		again := strings.HasPrefix(filepath.Base(zone.Path), "intel-rapl-mmio")
		if !again && (zone.Name == "package" || zone.Name == "dram") {
			all = append(all, Counter{Of: Processors, Read: zone.GetEnergyMicrojoules, Limit: zone.MaxMicrojoules})
		}
	}
	return all
}

// memory is the machine's memory in bytes, 0 where it is unknown.
func memory() uint64 {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	info, err := fs.Meminfo()
	if err != nil || info.MemTotalBytes == nil {
		return 0
	}
	return *info.MemTotalBytes
}
