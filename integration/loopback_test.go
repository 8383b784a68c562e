package integration

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/temporaltest"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// The servers that `make up` and `make demo` start are for this machine alone: every port on which they listen is on a loopback
// address, and their credentials, which are new for every stack, are nobody else's to read.
func TestStackIsForThisMachineAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("who listens where is read from /proc")
	}
	// What finds the sockets finds one that is open to all.
	open, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	defer open.Close()
	_, port, err := net.SplitHostPort(open.Addr().String())
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(listening(t, os.Getpid()), func(a net.TCPAddr) bool {
		return !a.IP.IsLoopback() && fmt.Sprint(a.Port) == port
	}))

	secrets := map[string]bool{}
	for _, store := range storagetest.Programs {
		t.Run(store.Name, func(t *testing.T) {
			dir := startScript(t, store)
			env := filepath.Join(dir, "env")
			require.Equal(t, os.FileMode(0o600), mode(t, env))
			require.Equal(t, os.FileMode(0o700), mode(t, dir), "also the data are nobody else's to read")
			secret := variable(t, env, storage.EnvSecretKey)
			require.GreaterOrEqual(t, len(secret), 32)
			require.False(t, secrets[secret], "each stack has credentials of its own")
			secrets[secret] = true

			for _, name := range []string{"temporal", store.Name} {
				pid := processID(t, filepath.Join(dir, name+".pid"))
				addresses := listening(t, pid)
				require.NotEmpty(t, addresses, name)
				for _, a := range addresses {
					require.True(t, a.IP.IsLoopback(), "%s listens on %s", name, &a)
				}
				// Everybody on the machine can read it.
				arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				require.NoError(t, err)
				require.NotContains(t, string(arguments), secret)
				log, err := os.ReadFile(filepath.Join(dir, name+".log"))
				require.NoError(t, err)
				require.NotContains(t, string(log), secret)
			}
		})
	}
}

// startScript starts a stack with scripts/stack.sh, as make does, and returns its folder.
func startScript(t *testing.T, store storagetest.Program) string {
	t.Helper()
	dir, tools := filepath.Join(t.TempDir(), "stack"), t.TempDir()
	require.NoError(t, os.Symlink(temporaltest.File(t), filepath.Join(tools, "temporal")))
	require.NoError(t, os.Symlink(store.File(t), filepath.Join(tools, store.Name)))
	run := func(command string) {
		c := exec.Command("scripts/stack.sh", command, dir)
		c.Dir = ".."
		c.Env = []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TWINVIEW_STORE=" + store.Name}
		output, err := c.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	t.Cleanup(func() { run("stop") })
	run("start")
	return dir
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

// variable is the value of a line NAME=value.
func variable(t *testing.T, path, name string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	t.Fatalf("%s sets no %s", path, name)
	return ""
}

func processID(t *testing.T, path string) (pid int) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = fmt.Sscan(string(content), &pid)
	require.NoError(t, err)
	return pid
}

// listening are the addresses on which a process waits for connections.
func listening(t *testing.T, pid int) []net.TCPAddr {
	t.Helper()
	sockets, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	owned := map[string]bool{}
	for _, path := range sockets {
		// One may be closed meanwhile.
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "socket:[") {
			owned[strings.Trim(target, "socket:[]")] = true
		}
	}
	var addresses []net.TCPAddr
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if os.IsNotExist(err) { // a machine without IPv6
			continue
		}
		require.NoError(t, err)
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Scan() // the heading
		for lines.Scan() {
			// proc_pid_net(5): the local address is field 1, the state 3, the inode 9. State 0A is LISTEN.
			fields := strings.Fields(lines.Text())
			if fields[3] == "0A" && owned[fields[9]] {
				addresses = append(addresses, address(t, fields[1]))
			}
		}
		require.NoError(t, lines.Err())
	}
	return addresses
}

// address reads what the kernel prints: hexadecimal, each four bytes of the IP in the machine's own order.
func address(t *testing.T, text string) net.TCPAddr {
	t.Helper()
	host, port, ok := strings.Cut(text, ":")
	require.True(t, ok, text)
	ip, err := hex.DecodeString(host)
	require.NoError(t, err)
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	a := net.TCPAddr{IP: ip}
	_, err = fmt.Sscanf(port, "%X", &a.Port)
	require.NoError(t, err)
	return a
}
