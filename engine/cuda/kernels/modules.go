package kernels

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed ptx/*.ptx
var ptx embed.FS

// Module is what is made of one source: kernels in PTX, for devices of compute capability 8.0 and later, which the driver
// compiles for the device that it has.
type Module struct {
	// Name is the source's, without .cu.
	Name string
	PTX  string
	// Kernels are the names of its kernels.
	Kernels []string
}

// Modules are all modules by their names.
var Modules = sync.OnceValue(func() map[string]Module {
	files, err := ptx.ReadDir("ptx")
	if err != nil {
		panic(fmt.Sprintf("unreachable: the folder is embedded: %v", err))
	}
	modules := map[string]Module{}
	for _, file := range files {
		text, err := ptx.ReadFile(path.Join("ptx", file.Name()))
		if err != nil {
			panic(fmt.Sprintf("unreachable: the file is embedded: %v", err))
		}
		name := strings.TrimSuffix(file.Name(), ".ptx")
		modules[name] = NewModule(name, string(text))
	}
	return modules
})

var entry = regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(`)

// NewModule finds the kernels in PTX.
func NewModule(name, ptx string) Module {
	m := Module{Name: name, PTX: ptx}
	for _, match := range entry.FindAllStringSubmatch(ptx, -1) {
		m.Kernels = append(m.Kernels, match[1])
	}
	return m
}

var modulesByKernel = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, m := range Modules() {
		for _, kernel := range m.Kernels {
			names[kernel] = m.Name
		}
	}
	return names
})

// ModuleOf is the module that has a kernel. A program loads the few that it wants: the driver takes seconds for some.
func ModuleOf(kernel string) (Module, error) {
	name, ok := modulesByKernel()[kernel]
	if !ok {
		return Module{}, fmt.Errorf("no CUDA kernel is called %q: see engine/cuda/kernels", kernel)
	}
	return Modules()[name], nil
}

// LaunchOf is the number of threads and the bytes of shared memory that a kernel wants, where its module says so.
func (m Module) LaunchOf(kernel string) (threads, shared int, ok bool) {
	pattern := regexp.MustCompile(`\.b8 ` + regexp.QuoteMeta(kernel) + `_launch\[8\] = \{([^}]*)\}`)
	match := pattern.FindStringSubmatch(m.PTX)
	if match == nil {
		return 0, 0, false
	}
	// Two little-endian numbers of four bytes; zeros at the end are left out.
	var values [8]int
	for i, digits := range strings.Split(match[1], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(digits))
		if err != nil || i >= len(values) {
			return 0, 0, false
		}
		values[i] = n << (i % 4 * 8)
	}
	return values[0] + values[1] + values[2] + values[3], values[4] + values[5] + values[6] + values[7], true
}
