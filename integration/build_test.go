package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs is a folder of its own for the two programs, so that tests never run old ones.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "twinview-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the programs:", err)
		os.Exit(1)
	}
	programs = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "remove the programs:", err)
	}
	os.Exit(code)
}

// build builds both programs, once, and only when a test needs them.
var build = sync.OnceValue(func() error {
	for name, cgo := range map[string]string{"worker": "1", "starter": "0"} {
		if err := buildProgram(name, cgo, "./"+name); err != nil {
			return err
		}
	}
	return nil
})

// buildProgram has the arguments for go build at the end.
func buildProgram(name, cgo string, arguments ...string) error {
	c := exec.Command("go", append([]string{"build", "-o", filepath.Join(programs, name)}, arguments...)...)
	c.Dir = ".."
	c.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, output)
	}
	return nil
}
