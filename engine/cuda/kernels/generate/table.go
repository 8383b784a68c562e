package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"twinview/engine/cuda/kernels"
)

// resources are what a kernel takes of a device, as ptxas says.
type resources struct{ registers, shared, stack, spilled int }

// table has a line for each kernel. It is an error if registers don't suffice and some of them spill into memory.
func (g *generator) table(m kernels.Module) (string, error) {
	made := make([]map[string]resources, len(architectures))
	for i, architecture := range architectures {
		var err error
		if made[i], err = g.assemble(m, architecture); err != nil {
			return "", err
		}
	}
	var failures []error
	text := &strings.Builder{}
	fmt.Fprintf(text, "%-60s %7s %14s %14s %6s   registers\n", "kernel", "threads", "static shared", "dynamic shared", "stack")
	fmt.Fprintf(text, "%-60s %7s %14s %14s %6s   %s\n", "", "at most", "bytes", "bytes", "bytes", strings.Join(architectures, "  "))
	names := slices.Sorted(slices.Values(m.Kernels))
	for _, name := range names {
		fmt.Fprintf(text, "%-60s %7s %14d %14s %6d   ", name, bound(m, name), made[0][name].shared, dynamic(m, name), made[0][name].stack)
		for i, architecture := range architectures {
			r := made[i][name]
			fmt.Fprintf(text, "%5d  ", r.registers)
			if r.spilled > 0 {
				failures = append(failures, fmt.Errorf("%s spills %d bytes of registers on %s: give its block fewer threads "+
					"(__launch_bounds__) or its threads less to do", name, r.spilled, architecture))
			}
		}
		fmt.Fprintln(text)
	}
	lines := strings.Split(text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n"), errors.Join(failures...)
}

// bound is the number of threads that the kernel is compiled for.
func bound(m kernels.Module, kernel string) string {
	_, text, _ := strings.Cut(m.PTX, ".visible .entry "+kernel+"(")
	text, _, _ = strings.Cut(text, "{")
	if match := regexp.MustCompile(`\.maxntid (\d+)`).FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return "any"
}

// dynamic is the shared memory that a launch has to ask for, where the module says so.
func dynamic(m kernels.Module, kernel string) string {
	_, shared, ok := m.LaunchOf(kernel)
	if !ok {
		return "-"
	}
	return strconv.Itoa(shared)
}

var (
	function = regexp.MustCompile(`Compiling entry function '(\w+)' for`)
	spills   = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	used     = regexp.MustCompile(`Used (\d+) registers`)
	shared   = regexp.MustCompile(`(\d+) bytes smem`)
)

// assemble compiles a module for one processor and reads what it says of every kernel.
func (g *generator) assemble(m kernels.Module, architecture string) (map[string]resources, error) {
	file := filepath.Join(g.temporary, m.Name+".ptx")
	if err := os.WriteFile(file, []byte(m.PTX), 0o644); err != nil {
		return nil, fmt.Errorf("write PTX to assemble: %w", err)
	}
	ptxas := exec.Command(filepath.Join(g.compiler, "bin", "ptxas"), "-v", "-arch="+architecture, file, "-o", os.DevNull)
	out, err := ptxas.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("assemble %s for %s: %w\n%s", m.Name, architecture, err, out)
	}
	made := map[string]resources{}
	name := ""
	for line := range strings.Lines(string(out)) {
		if match := function.FindStringSubmatch(line); match != nil {
			name = match[1]
		}
		r := made[name]
		if match := spills.FindStringSubmatch(line); match != nil {
			r.stack, r.spilled = number(match[1]), number(match[2])+number(match[3])
		}
		if match := used.FindStringSubmatch(line); match != nil {
			r.registers = number(match[1])
		}
		if match := shared.FindStringSubmatch(line); match != nil {
			r.shared = number(match[1])
		}
		made[name] = r
	}
	for _, kernel := range m.Kernels {
		if made[kernel].registers == 0 {
			return nil, fmt.Errorf("ptxas did not say what %s takes on %s:\n%s", kernel, architecture, out)
		}
	}
	return made, nil
}

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(fmt.Sprintf("unreachable: %q are digits: %v", digits, err))
	}
	return n
}
