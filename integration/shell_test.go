package integration

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shell is a bash that is given one command after the other, as from a keyboard: variables, functions and the folder stay.
type shell struct {
	commands io.Writer
	// printed is the file that takes all output: a pipe would still be on its way when a command has ended.
	printed string
	// codes are the exit codes, one for each command.
	codes chan int
}

// startShell starts one in a folder. It ends with the test, and what it started with it.
func startShell(t *testing.T, folder string, env []string) *shell {
	t.Helper()
	codes, report, err := os.Pipe()
	require.NoError(t, err)
	s := &shell{codes: make(chan int), printed: filepath.Join(t.TempDir(), "printed")}
	printed, err := os.OpenFile(s.printed, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	c := exec.Command("bash")
	c.Dir, c.Env = folder, env
	c.Stdout, c.Stderr = printed, printed
	c.ExtraFiles = []*os.File{report}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.commands, err = c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	require.NoError(t, report.Close())
	require.NoError(t, printed.Close())
	go func() {
		defer close(s.codes)
		for lines := bufio.NewScanner(codes); lines.Scan(); {
			code, err := strconv.Atoi(lines.Text())
			if err != nil {
				return
			}
			s.codes <- code
		}
	}()
	t.Cleanup(func() {
		// Errors say that it has ended already.
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		_ = codes.Close()
	})
	return s
}

// run gives it a command and returns all that was printed meanwhile.
func (s *shell) run(t *testing.T, command string) (printed string, code int) {
	t.Helper()
	require.NoError(t, os.Truncate(s.printed, 0))
	_, err := fmt.Fprintf(s.commands, "{ %s\n} </dev/null 3>&-\necho $? >&3\n", command)
	require.NoError(t, err)
	alive, late := true, false
	select {
	case code, alive = <-s.codes:
	case <-time.After(commandTimeout):
		late = true
	}
	text, err := os.ReadFile(s.printed)
	require.NoError(t, err)
	require.True(t, alive, "the shell has ended:\n%s", text)
	require.False(t, late, "still running after %s:\n%s", commandTimeout, text)
	return string(text), code
}
