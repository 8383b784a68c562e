// Package storagetest starts real object stores for tests.
package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"twinview/integration/tlstest"
	"twinview/loopback"
	"twinview/storage"
)

const (
	// EnvStore names the server that Start runs, "minio" where it is not set.
	EnvStore = "TWINVIEW_STORE"
	// EnvRequire set to 1 makes a missing program a failure instead of a skipped test.
	EnvRequire = "TWINVIEW_REQUIRE_SERVERS"
)

// Program is a server that speaks S3. Its file is the one that TWINVIEW_<NAME> names, that of its name in bin/ of the
// repository, or that on PATH.
type Program struct {
	// Name is also that of its file.
	Name string
	// arguments has it keep its objects in dir, environment tells it the credentials.
	arguments   func(address, dir string) []string
	environment func(storage.Config) []string
	// secure has it speak TLS with the certificate and key in these files. The arguments come before all others but the first
	// fixed of those.
	secure func(t testing.TB, certificate, key string) []string
	fixed  int
}

// Programs are the servers that the store is tested against.
var Programs = []Program{
	{
		Name: "minio",
		arguments: func(address, dir string) []string {
			return []string{"server", "--quiet", "--address", address, dir}
		},
		environment: func(c storage.Config) []string {
			return []string{
				"MINIO_ROOT_USER=" + c.AccessKey, "MINIO_ROOT_PASSWORD=" + c.SecretKey,
				"MINIO_BROWSER=off", "MINIO_UPDATE=off",
			}
		},
		secure: func(t testing.TB, certificate, key string) []string {
			dir := t.TempDir()
			for name, file := range map[string]string{"public.crt": certificate, "private.key": key} {
				if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			return []string{"--certs-dir", dir}
		},
		fixed: 1,
	},
	{
		Name: "versitygw",
		arguments: func(address, dir string) []string {
			return []string{"--quiet", "--port", address, "posix", dir}
		},
		environment: func(c storage.Config) []string {
			return []string{"ROOT_ACCESS_KEY=" + c.AccessKey, "ROOT_SECRET_KEY=" + c.SecretKey}
		},
		secure: func(_ testing.TB, certificate, key string) []string {
			return []string{"--cert", certificate, "--key", key}
		},
	},
}

// startTimeout is generous: a busy machine takes seconds for what an idle one does in half of one.
const startTimeout = 30 * time.Second

// Start runs the server that TWINVIEW_STORE names, with an empty folder and random credentials on a free loopback port, and
// stops it when the test ends. The bucket that the configuration names does not exist yet. Where the program is missing the
// test is skipped.
func Start(t testing.TB) storage.Config {
	t.Helper()
	return Launch(t).Config
}

// Launch is Start for a test that reaches into what the server keeps.
func Launch(t testing.TB) *Server {
	t.Helper()
	name := os.Getenv(EnvStore)
	if name == "" {
		name = Programs[0].Name
	}
	i := slices.IndexFunc(Programs, func(p Program) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("%s: %q is no object store that is known here: want minio or versitygw", EnvStore, name)
	}
	return Programs[i].Launch(t)
}

// Each runs a test on every server, side by side.
func Each(t *testing.T, test func(t *testing.T, p Program)) {
	for _, p := range Programs {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// Server is a running server.
type Server struct {
	Config storage.Config
	// Dir is where it keeps its objects.
	Dir string

	program Program
	// command is what goes before the program: one that starts it.
	command []string
	// tls are the arguments that have it speak TLS, none where it does not; ca is the file of who vouches for it.
	tls     []string
	ca      string
	process *exec.Cmd
	exited  chan struct{}
}

// Launch is Start for one of the programs, and for a test that stops the server itself. command, if any, is a program with
// its arguments that starts the server.
func (p Program) Launch(t testing.TB, command ...string) *Server {
	t.Helper()
	return p.start(t, &Server{command: command})
}

// LaunchTLS is Launch for a server that speaks TLS. The authority is in its configuration.
func (p Program) LaunchTLS(t testing.TB, authority *tlstest.Authority) *Server {
	t.Helper()
	certificate, key := authority.Issue(t, p.Name)
	return p.start(t, &Server{tls: p.secure(t, certificate, key), ca: authority.File})
}

// File is the path of the program. Where it is missing the test is skipped, and by go test -short.
func (p Program) File(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a server, and the tests are to be short")
	}
	path, err := p.find()
	if err != nil && os.Getenv(EnvRequire) == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

func (p Program) start(t testing.TB, server *Server) *Server {
	t.Helper()
	server.Dir, server.program, server.command = t.TempDir(), p, append(slices.Clone(server.command), p.File(t))
	if err := server.launch(); err != nil {
		t.Fatal(err)
	}
	// Under a closure: by then it may be another process.
	t.Cleanup(func() { server.Stop() })
	return server
}

// File is where the server keeps the bytes of an object: a file by its key, or the largest below a folder of that name.
func (s *Server) File(t testing.TB, bucket, key string) (file string) {
	t.Helper()
	var most int64
	err := filepath.WalkDir(filepath.Join(s.Dir, bucket, key), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > most {
			file, most = path, info.Size()
		}
		return err
	})
	if err != nil || file == "" {
		t.Fatalf("no file of %s in %s: %v", key, s.Dir, err)
	}
	return file
}

// Flip changes a bit of a file, as a bad drive does.
func Flip(t testing.TB, file string, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// Stop kills the server, as a crash would.
func (s *Server) Stop() {
	s.process.Process.Kill()
	<-s.exited
}

// Restart runs the stopped server again, with its objects and at its address. With another secret key it no longer accepts
// the one in Config.
func (s *Server) Restart(t testing.TB, secretKey string) {
	t.Helper()
	c := s.Config
	c.SecretKey = secretKey
	if err := s.run(c); err != nil {
		t.Fatal(err)
	}
}

func (p Program) find() (string, error) {
	variable := "TWINVIEW_" + strings.ToUpper(p.Name)
	if path := os.Getenv(variable); path != "" {
		return path, nil
	}
	if root, err := repository(); err == nil {
		if path := filepath.Join(root, "bin", p.Name); executable(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath(p.Name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no %s server to test against: put the program at bin/%[1]s or on PATH, or name it in %s",
		p.Name, variable)
}

// repository is the folder of go.mod, above the package under test.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// launch tries a few ports: another process may take a free one before the server does.
func (s *Server) launch() error {
	var failures error
	for range 3 {
		address, err := loopback.Address()
		if err != nil {
			return err
		}
		s.Config = storage.Config{Endpoint: address, Bucket: "simclr", AccessKey: rand.Text(), SecretKey: rand.Text()}
		s.Config.Secure, s.Config.CAFile = s.ca != "", s.ca
		if err = s.run(s.Config); err == nil {
			return nil
		}
		failures = errors.Join(failures, err)
	}
	return failures
}

func (s *Server) run(c storage.Config) error {
	var output bytes.Buffer
	arguments := slices.Insert(s.program.arguments(c.Endpoint, s.Dir), s.program.fixed, s.tls...)
	arguments = slices.Concat(s.command[1:], arguments)
	process := exec.Command(s.command[0], arguments...)
	process.Stdout, process.Stderr = &output, &output
	process.Env = append(os.Environ(), s.program.environment(c)...)
	if err := process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.program.Name, err)
	}
	exited := make(chan struct{})
	s.process, s.exited = process, exited
	go func() {
		process.Wait()
		close(exited)
	}()
	if err := s.await(c); err != nil {
		s.Stop()
		return fmt.Errorf("start %s at %s: %w\n%s", s.program.Name, c.Endpoint, err, output.String())
	}
	return nil
}

// await returns when the server accepts its credentials.
func (s *Server) await(c storage.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		_, err := storage.Open(ctx, c)
		if err == nil || !storage.Retryable(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
