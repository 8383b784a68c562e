//go:build gpu

package hardware

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// // NVIDIA's management library comes with the driver. Functions return 0 for success.
// typedef struct { int (*init)(void); int (*find)(const char *, void **); int (*energy)(void *, unsigned long long *); } nvml;
//
// static int load(nvml *n) {
//   void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
//   if (!library) return 0;
//   n->init = (int (*)(void))dlsym(library, "nvmlInit_v2");
//   n->find = (int (*)(const char *, void **))dlsym(library, "nvmlDeviceGetHandleByUUID");
//   n->energy = (int (*)(void *, unsigned long long *))dlsym(library, "nvmlDeviceGetTotalEnergyConsumption");
//   return n->init && n->find && n->energy;
// }
// static int initialise(nvml *n) { return n->init(); }
// static int find(nvml *n, const char *id, void **device) { return n->find(id, device); }
// static int energy(nvml *n, void *device, unsigned long long *millijoules) { return n->energy(device, millijoules); }
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

var management = sync.OnceValues(func() (*C.nvml, error) {
	library := new(C.nvml)
	if C.load(library) == 0 {
		return nil, errors.New("load libnvidia-ml.so.1: it is not there, or too old")
	}
	if code := C.initialise(library); code != 0 {
		return nil, fmt.Errorf("begin with libnvidia-ml: error %d", code)
	}
	return library, nil
})

// GPUCounter counts what the GPU with a UUID takes, without "GPU-" in front, with its memory and for whatever runs on it, by NVML
// (nvmlDeviceGetTotalEnergyConsumption, from Volta on).
func GPUCounter(uuid string) (Counter, error) {
	library, err := management()
	if err != nil {
		return Counter{}, err
	}
	id := C.CString("GPU-" + uuid)
	defer C.free(unsafe.Pointer(id))
	var device unsafe.Pointer
	if code := C.find(library, id, &device); code != 0 {
		return Counter{}, fmt.Errorf("find GPU %s by libnvidia-ml: error %d", uuid, code)
	}
	read := func() (uint64, error) {
		var millijoules C.ulonglong
		if code := C.energy(library, device, &millijoules); code != 0 {
			return 0, fmt.Errorf("read the energy of GPU %s: error %d", uuid, code)
		}
		return uint64(millijoules) * 1000, nil
	}
	_, err = read()
	return Counter{Of: GPU, Read: read}, err
}
