// Command generate makes PTX of the CUDA kernels, where a source has changed, and a table of what each kernel takes of a
// device. With -check it changes nothing, makes all of it again and fails where something else comes out.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"twinview/engine/cuda/kernels"
)

// architectures are the processors that every kernel is tried on: A100, H100.
var architectures = []string{"sm_80", "sm_90a"}

func main() {
	compiler := flag.String("nvcc", "", "the folder of the compiler, as scripts/nvcc.sh prints it")
	folder := flag.String("folder", "engine/cuda/kernels", "the folder of the sources")
	check := flag.Bool("check", false, "make everything again and compare")
	flag.Parse()
	g := generator{compiler: *compiler, folder: *folder, check: *check}
	if err := g.run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

type generator struct {
	compiler, folder string
	check            bool
	temporary        string
}

func (g *generator) run() error {
	sources, err := filepath.Glob(filepath.Join(g.folder, "*.cu"))
	if err != nil || len(sources) == 0 {
		return fmt.Errorf("no kernels (*.cu) in %s: %w", g.folder, err)
	}
	if g.temporary, err = os.MkdirTemp("", "twinview-ptx-"); err != nil {
		return fmt.Errorf("make a folder for what the compiler writes: %w", err)
	}
	defer os.RemoveAll(g.temporary)
	// All of the PTX first: tables take the longest.
	var failures []error
	for _, make := range []func(name string) error{g.makePTX, g.makeTable} {
		for _, source := range sources {
			if err := make(strings.TrimSuffix(filepath.Base(source), ".cu")); err != nil {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(append(failures, g.removeOthers(sources))...)
}

func (g *generator) path(name string) string { return filepath.Join(g.folder, "ptx", name) }

func (g *generator) makePTX(name string) error {
	head, err := kernels.Head(os.DirFS(g.folder), name+".cu", filepath.Base(g.compiler))
	if err != nil {
		return err
	}
	if current, err := g.current(name+".ptx", head); current || err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "compiling %s.cu ...\n", name)
	text, err := g.compile(name)
	if err != nil {
		return err
	}
	return g.put(name+".ptx", head+text)
}

// makeTable makes the table of a source whose PTX is there.
func (g *generator) makeTable(name string) error {
	text, err := os.ReadFile(g.path(name + ".ptx"))
	if err != nil {
		return fmt.Errorf("read the PTX of %s.cu to assemble it: %w", name, err)
	}
	head, _, _ := strings.Cut(string(text), "\n")
	head = strings.TrimPrefix(head, "// ") + "\n\n"
	if current, err := g.current(name+".txt", head); current || err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "assembling %s.ptx ...\n", name)
	table, err := g.table(kernels.NewModule(name, string(text)))
	if err != nil {
		return err
	}
	return g.put(name+".txt", head+table)
}

// current tells whether a file was made of what is there now. When checking, nothing is trusted.
func (g *generator) current(file, head string) (bool, error) {
	present, err := os.ReadFile(g.path(file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("read what was made before: %w", err)
	}
	return !g.check && bytes.HasPrefix(present, []byte(head)), nil
}

// put writes a file, or compares it.
func (g *generator) put(name, text string) error {
	if !g.check {
		if err := os.MkdirAll(filepath.Dir(g.path(name)), 0o755); err != nil {
			return fmt.Errorf("make the folder for %s: %w", name, err)
		}
		return os.WriteFile(g.path(name), []byte(text), 0o644)
	}
	present, err := os.ReadFile(g.path(name))
	if err != nil {
		return fmt.Errorf("read %s to compare: %w", name, err)
	}
	if string(present) != text {
		return fmt.Errorf("%s is not what its source gives: run make cuda-kernels and check it in", g.path(name))
	}
	return nil
}

// Names of what is local to a source hold two digests, of which one depends on where the source lies.
var local = regexp.MustCompile(`_[0-9a-f]{8}(_\d+_\w+?_cu_)[0-9a-f]{8}`)

func (g *generator) compile(name string) (string, error) {
	to := filepath.Join(g.temporary, name+".ptx")
	arguments := append([]string{"-ptx", "-I" + filepath.Join(g.compiler, "cutlass"), name + ".cu", "-o", to},
		kernels.CompilerFlags...)
	nvcc := exec.Command(filepath.Join(g.compiler, "bin", "nvcc"), arguments...)
	nvcc.Dir = g.folder
	if out, err := nvcc.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s.cu: %w\n%s", name, err, out)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		return "", fmt.Errorf("read what the compiler made of %s.cu: %w", name, err)
	}
	return forDrivers(withoutProcess(local.ReplaceAllString(string(text), "_00000000${1}00000000"))), nil
}

// Names of types in an anonymous namespace end with the number of the compiler's process, where digits of what follows may come
// next. Before a name stands its length.
var anonymous = regexp.MustCompile(`(\d+)(_GLOBAL__N__00000000_\d+_\w+?_cu_00000000_)(\d+)`)

// withoutProcess is PTX that does not depend on that number.
func withoutProcess(ptx string) string {
	return anonymous.ReplaceAllStringFunc(ptx, func(match string) string {
		parts := anonymous.FindStringSubmatch(match)
		length, name, digits := parts[1], parts[2], parts[3]
		n, err := strconv.Atoi(length)
		process := n - len(name)
		if err != nil || process < 1 || process > len(digits) {
			return match
		}
		return fmt.Sprintf("%0*d%s0%s", len(length), len(name)+1, name, digits[process:])
	})
}

// The version that the compiler writes, and its hints of which bytes of a load are used, which came with version 8.3.
var (
	version = regexp.MustCompile(`(?m)^\.version \d+\.\d+$`)
	hint    = regexp.MustCompile(`(?m)^\s*\.pragma "used_bytes_mask \w+";\n`)
)

// forDrivers is PTX that drivers older than the compiler read too. The assembler, which goes over all of it for the tables, refuses
// what that version does not have.
func forDrivers(ptx string) string {
	return hint.ReplaceAllString(version.ReplaceAllString(ptx, ".version "+kernels.PTXVersion), "")
}

// removeOthers removes what was made of sources that are gone.
func (g *generator) removeOthers(sources []string) error {
	made, err := filepath.Glob(g.path("*"))
	if err != nil {
		return fmt.Errorf("list what was made: %w", err)
	}
	there := map[string]bool{}
	for _, source := range sources {
		there[strings.TrimSuffix(filepath.Base(source), ".cu")] = true
	}
	var failures []error
	for _, file := range made {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		switch {
		case there[name]:
		case g.check:
			failures = append(failures, fmt.Errorf("%s has no source: run make cuda-kernels", file))
		default:
			failures = append(failures, os.Remove(file))
		}
	}
	return errors.Join(failures...)
}
