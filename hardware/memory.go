package hardware

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// PeakMemory is the most bytes that this process has had resident. Only Linux tells; getrusage's figure is no use, as it starts
// with the parent's.
func PeakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read peak memory, which only Linux tells: %w", err)
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kibibytes, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}
