// A stand-in for CUDA's driver, libcuda.so.1, that runs kernels on this machine's processor. It is for tests where there is no
// GPU: it has the driver calls that package cuda makes, with their errors, and is linked with the kernels, compiled for the host
// (kernels/host.h). All calls that it does not have answer CUDA_ERROR_NOT_SUPPORTED (scripts/cuda_standin.sh adds them).
//
// Work is done as it is asked for, so a stream has never anything left to do. What new memory holds is rubbish, as on a device:
// here NaN. Limits on launches are those of a device.
//
//   TWINVIEW_STANDIN_DEVICES  how many devices there are, 1 if it is not set
//   TWINVIEW_STANDIN_MEMORY   the memory of each in bytes, 16 GiB if it is not set
#include <cuda.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

struct CUctx_st {
  CUdevice device;
};
struct CUgraph_st;
struct CUstream_st {
  CUctx_st *context;
  CUgraph_st *capturing;  // what is asked of the stream goes there, if it is not null
};
struct CUevent_st {
  std::chrono::steady_clock::time_point at;
  bool recorded;
};
struct CUmod_st {
  CUctx_st *context;
};

namespace {

constexpr int kMostDevices = 16;
constexpr size_t kAlignment = 256;

struct Extent {
  unsigned x, y, z;
};
using Kernel = void (*)(void **arguments, Extent grid, Extent block, size_t shared);

// Launch is of a kernel, with arguments that the caller keeps.
struct Launch {
  Kernel kernel;
  void **arguments;
  Extent grid, block;
  size_t shared;

  void run() const { kernel(arguments, grid, block, shared); }
};

// Allocation is one piece of memory, of a device.
struct Allocation {
  CUdevice device;
  size_t size;
};

std::mutex allocating;
std::map<uintptr_t, Allocation> allocations;
size_t used[kMostDevices];

thread_local CUcontext current = nullptr;

// How much shared memory each kernel was allowed to have beyond what all may.
constexpr size_t kShared = 48 << 10, kMostShared = 163 << 10;
std::mutex allowing;
std::map<CUfunction, size_t> allowed;

size_t most_shared(CUfunction function) {
  const std::lock_guard<std::mutex> lock(allowing);
  const auto more = allowed.find(function);
  return more == allowed.end() ? kShared : std::max(kShared, more->second);
}

size_t number(const char *variable, size_t otherwise) {
  const char *text = getenv(variable);
  return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}

int devices() { return int(number("TWINVIEW_STANDIN_DEVICES", 1)); }
size_t capacity() { return number("TWINVIEW_STANDIN_MEMORY", size_t(16) << 30); }
bool exists(CUdevice device) { return device >= 0 && device < devices() && device < kMostDevices; }

CUresult allocate(CUdeviceptr *memory, size_t size) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!memory || size == 0) return CUDA_ERROR_INVALID_VALUE;
  const std::lock_guard<std::mutex> lock(allocating);
  size = (size + kAlignment - 1) / kAlignment * kAlignment;
  size_t &here = used[current->device];
  if (size > capacity() || here > capacity() - size) return CUDA_ERROR_OUT_OF_MEMORY;
  void *made = aligned_alloc(kAlignment, size);
  if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
  memset(made, 0xff, size);
  here += size;
  allocations[uintptr_t(made)] = {current->device, size};
  *memory = CUdeviceptr(made);
  return CUDA_SUCCESS;
}

// inside tells whether a range lies in memory that is allocated.
bool inside(CUdeviceptr memory, size_t size) {
  const std::lock_guard<std::mutex> lock(allocating);
  auto next = allocations.upper_bound(uintptr_t(memory));
  if (next == allocations.begin()) return false;
  const auto &[from, allocation] = *--next;
  return memory - from <= allocation.size && size <= allocation.size - (memory - from);
}

void *pointer(CUdeviceptr memory) { return reinterpret_cast<void *>(memory); }

template <typename T>
CUresult fill(CUdeviceptr memory, T value, size_t count) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!inside(memory, count * sizeof(T)) || memory % sizeof(T) != 0) return CUDA_ERROR_INVALID_VALUE;
  T *to = static_cast<T *>(pointer(memory));
  for (size_t i = 0; i < count; i++) to[i] = value;
  return CUDA_SUCCESS;
}

CUresult copy(void *to, const void *from, size_t size, bool valid) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!valid) return CUDA_ERROR_INVALID_VALUE;
  memmove(to, from, size);
  return CUDA_SUCCESS;
}

}  // namespace

// A graph is launches, and it is the same before and after it was made ready. Other than with a driver, what arguments point to
// must stay as long as the graph.
struct CUgraph_st {
  std::vector<Launch> launches;
};

extern "C" {

CUresult cuGetErrorName(CUresult error, const char **name) {
  switch (error) {
    case CUDA_ERROR_INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case CUDA_ERROR_INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case CUDA_ERROR_INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; break;
    case CUDA_ERROR_ILLEGAL_STATE: *name = "CUDA_ERROR_ILLEGAL_STATE"; break;
    case CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
    case CUDA_ERROR_NOT_SUPPORTED: *name = "CUDA_ERROR_NOT_SUPPORTED"; break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuInit(unsigned) { return devices() > 0 ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE; }

CUresult cuDriverGetVersion(int *version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  *count = devices();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  if (!exists(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
  if (!exists(device) || size < 1) return CUDA_ERROR_INVALID_DEVICE;
  strncpy(name, "stand-in on this processor", size_t(size) - 1);
  name[size - 1] = 0;
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  *bytes = capacity();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = 8; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 0; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 1; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY: *value = 1; break;
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS: *value = 1; break;
    default: return CUDA_ERROR_NOT_SUPPORTED;
  }
  return CUDA_SUCCESS;
}

CUresult cuCtxCreate_v2(CUcontext *context, unsigned, CUdevice device) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  *context = current = new CUctx_st{device};
  return CUDA_SUCCESS;
}

CUresult cuCtxDestroy_v2(CUcontext context) {
  if (!context) return CUDA_ERROR_INVALID_CONTEXT;
  if (current == context) current = nullptr;
  delete context;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  current = context;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  *context = current;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  *device = current->device;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize() { return current ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT; }

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  const std::lock_guard<std::mutex> lock(allocating);
  *total = capacity();
  *free = used[current->device] < capacity() ? capacity() - used[current->device] : 0;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t size) { return allocate(memory, size); }

CUresult cuMemAllocManaged(CUdeviceptr *memory, size_t size, unsigned flags) {
  if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST) return CUDA_ERROR_INVALID_VALUE;
  return allocate(memory, size);
}

CUresult cuMemFree_v2(CUdeviceptr memory) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  const std::lock_guard<std::mutex> lock(allocating);
  const auto at = allocations.find(uintptr_t(memory));
  if (at == allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  used[at->second.device] -= at->second.size;
  allocations.erase(at);
  free(pointer(memory));
  return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void **memory, size_t size, unsigned) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!memory || size == 0) return CUDA_ERROR_INVALID_VALUE;
  *memory = aligned_alloc(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment);
  if (!*memory) return CUDA_ERROR_OUT_OF_MEMORY;
  memset(*memory, 0xff, size);
  return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *memory) {
  free(memory);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
  return copy(pointer(to), from, size, inside(to, size));
}

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) { return copy(to, pointer(from), size, inside(from, size)); }

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return copy(pointer(to), pointer(from), size, inside(to, size) && inside(from, size));
}

// Copies and fills in a graph are not there.
static bool capturing(CUstream stream) { return stream && stream->capturing; }

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : cuMemcpyHtoD_v2(to, from, size);
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream) {
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : cuMemcpyDtoH_v2(to, from, size);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : cuMemcpyDtoD_v2(to, from, size);
}

CUresult cuMemsetD8_v2(CUdeviceptr memory, unsigned char value, size_t count) { return fill(memory, value, count); }

CUresult cuMemsetD32_v2(CUdeviceptr memory, unsigned value, size_t count) { return fill(memory, value, count); }

CUresult cuMemsetD8Async(CUdeviceptr memory, unsigned char value, size_t count, CUstream stream) {
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : fill(memory, value, count);
}

CUresult cuMemsetD32Async(CUdeviceptr memory, unsigned value, size_t count, CUstream stream) {
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : fill(memory, value, count);
}

CUresult cuStreamCreate(CUstream *stream, unsigned) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  *stream = new CUstream_st{current, nullptr};
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  delete stream;
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  return capturing(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode) {
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return CUDA_ERROR_ILLEGAL_STATE;
  stream->capturing = new CUgraph_st;
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  if (!stream->capturing) return CUDA_ERROR_ILLEGAL_STATE;
  *graph = stream->capturing;
  stream->capturing = nullptr;
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *made, CUgraph graph, unsigned long long) {
  if (!graph) return CUDA_ERROR_INVALID_VALUE;
  *made = reinterpret_cast<CUgraphExec>(new CUgraph_st(*graph));
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
  delete reinterpret_cast<CUgraph_st *>(graph);
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
  if (!graph || !stream) return CUDA_ERROR_INVALID_HANDLE;
  for (const Launch &launch : reinterpret_cast<CUgraph_st *>(graph)->launches) launch.run();
  return CUDA_SUCCESS;
}

CUresult cuStreamQuery(CUstream) { return current ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT; }

CUresult cuStreamWaitEvent(CUstream, CUevent event, unsigned) { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

CUresult cuEventCreate(CUevent *event, unsigned) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  *event = new CUevent_st{{}, false};
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream) {
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  *event = {std::chrono::steady_clock::now(), true};
  return CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent event) { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

CUresult cuEventSynchronize(CUevent event) { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  if (!from || !to || !from->recorded || !to->recorded) return CUDA_ERROR_INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return CUDA_SUCCESS;
}

// A module is whatever is loaded: its code is not looked at.
CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!image) return CUDA_ERROR_INVALID_VALUE;
  *module = new CUmod_st{current};
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  delete module;
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  if (!module || !name) return CUDA_ERROR_INVALID_HANDLE;
  void *kernel = dlsym(RTLD_DEFAULT, (std::string("host_") + name).c_str());
  if (!kernel) return CUDA_ERROR_NOT_FOUND;
  *function = static_cast<CUfunction>(kernel);
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (attribute != CU_FUNC_ATTRIBUTE_NUM_REGS) return CUDA_ERROR_NOT_SUPPORTED;
  *value = 0;  // a processor has its own
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return CUDA_ERROR_NOT_SUPPORTED;
  if (value < 0 || size_t(value) > kMostShared) return CUDA_ERROR_INVALID_VALUE;
  const std::lock_guard<std::mutex> lock(allowing);
  allowed[function] = size_t(value);
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream stream, void **arguments, void **) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!function) return CUDA_ERROR_INVALID_HANDLE;
  const uint64_t threads = uint64_t(bx) * by * bz;
  if (threads == 0 || threads > 1024 || bz > 64) return CUDA_ERROR_INVALID_VALUE;
  if (gx == 0 || gy == 0 || gz == 0 || gx > INT32_MAX || gy > 65535 || gz > 65535) return CUDA_ERROR_INVALID_VALUE;
  if (shared > most_shared(function)) return CUDA_ERROR_INVALID_VALUE;
  const Launch launch{reinterpret_cast<Kernel>(function), arguments, {gx, gy, gz}, {bx, by, bz}, shared};
  if (capturing(stream)) {
    stream->capturing->launches.push_back(launch);
  } else {
    launch.run();
  }
  return CUDA_SUCCESS;
}

}  // extern "C"
