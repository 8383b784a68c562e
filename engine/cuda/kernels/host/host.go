// Package host builds the CUDA kernels for this machine's processor and runs them there. It is for tests: the kernels'
// semantics are CUDA's, their speed is not.
package host

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// typedef struct { unsigned x, y, z; } extent;
// typedef void (*launcher)(void **arguments, extent grid, extent block, size_t shared);
//
// static void launch(void *kernel, void **arguments, extent grid, extent block, size_t shared) {
//   ((launcher)kernel)(arguments, grid, block, shared);
// }
// static void order(void *set, int reversed) { ((void (*)(int))set)(reversed); }
import "C"

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"twinview/engine/cuda/kernels"
)

// Library is a set of kernels that runs on this processor.
type Library struct{ handle unsafe.Pointer }

// Build compiles every .cu of a folder, into another, with $CXX or else g++, and loads what comes out.
func Build(sources, into string) (*Library, error) {
	files, err := filepath.Glob(filepath.Join(sources, "*.cu"))
	if err != nil {
		return nil, fmt.Errorf("list the kernels in %s: %w", sources, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no kernels (*.cu) in %s", sources)
	}
	objects := make([]string, len(files))
	var compilers errgroup.Group
	compilers.SetLimit(2)
	for i, file := range files {
		objects[i] = filepath.Join(into, filepath.Base(file)+".o")
		compilers.Go(func() error {
			return compile("-c", "-x", "c++", "-std=c++17", "-O2", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden",
				"-Wall", "-Wextra", "-Wno-unknown-pragmas", "-DTWINVIEW_HOST", file, "-o", objects[i])
		})
	}
	if err := compilers.Wait(); err != nil {
		return nil, err
	}
	library := filepath.Join(into, "libkernels.so")
	if err := compile(append([]string{"-shared", "-o", library}, objects...)...); err != nil {
		return nil, err
	}
	return open(library)
}

// compile runs the compiler, by way of ccache where there is one.
func compile(arguments ...string) error {
	command := []string{"g++"}
	if compiler := os.Getenv("CXX"); compiler != "" {
		command = []string{compiler}
	}
	if ccache, err := exec.LookPath("ccache"); err == nil {
		command = append([]string{ccache}, command...)
	}
	command = append(command, arguments...)
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("run %v: %w\n%s", command, err, out)
	}
	return nil
}

func open(path string) (*Library, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if handle == nil {
		return nil, fmt.Errorf("load the kernels: %s", C.GoString(C.dlerror()))
	}
	return &Library{handle}, nil
}

func (l *Library) symbol(name string) (unsafe.Pointer, error) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	symbol := C.dlsym(l.handle, c)
	if symbol == nil {
		return nil, fmt.Errorf("find %s: %s", name, C.GoString(C.dlerror()))
	}
	return symbol, nil
}

// Reverse makes the launches that follow begin with the last block and the last thread, and lets one warp after another go as far
// as it can; or begin with the first again and let threads go on in turn. What comes out must be the same: no kernel may depend
// on an order.
func (l *Library) Reverse(reversed bool) error {
	set, err := l.symbol("host_order")
	if err != nil {
		return err
	}
	last := C.int(0)
	if reversed {
		last = 1
	}
	C.order(set, last)
	return nil
}

// Launch runs a kernel to its end. Arguments are int32, int64, float32, float64, *Memory and, for a struct by value, []byte, as
// the kernel declares them: a wrong one is not noticed. A nil *Memory is NULL.
func (l *Library) Launch(kernel string, launch kernels.Launch, arguments ...any) error {
	function, err := l.symbol("host_" + kernel)
	if err != nil {
		return err
	}
	// The values, and an array of pointers to them, in memory that C may keep pointers in.
	values := (*[64]uint64)(C.calloc(64, 8))
	defer C.free(unsafe.Pointer(values))
	pointers := (*[64]unsafe.Pointer)(C.calloc(64, 8))
	defer C.free(unsafe.Pointer(pointers))
	for i, argument := range arguments {
		at := unsafe.Pointer(&values[i])
		pointers[i] = at
		switch a := argument.(type) {
		case int32:
			*(*int32)(at) = a
		case int64:
			*(*int64)(at) = a
		case float32:
			*(*float32)(at) = a
		case float64:
			*(*float64)(at) = a
		case *Memory:
			if a != nil {
				*(*unsafe.Pointer)(at) = a.address
			}
		case []byte:
			pointers[i] = C.CBytes(a)
			defer C.free(pointers[i])
		default:
			return fmt.Errorf("launch %s: argument %d is a %T, want int32, int64, float32, float64, *Memory or []byte", kernel, i, a)
		}
	}
	C.launch(function, &pointers[0], extent(launch.Grid), extent(launch.Block), C.size_t(launch.Shared))
	return nil
}

func extent(n [3]int) C.extent {
	return C.extent{C.uint(n[0]), C.uint(n[1]), C.uint(n[2])}
}
