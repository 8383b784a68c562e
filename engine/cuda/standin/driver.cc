// A stand-in for CUDA's driver, libcuda.so.1, that runs kernels on this machine's processor. It is for tests where there is no
// GPU: it has the driver calls that package cuda makes, with their errors, and is linked with the kernels, compiled for the host
// (kernels/host.h). All calls that it does not have answer CUDA_ERROR_NOT_SUPPORTED (scripts/cuda_standin.sh adds them).
//
// Work is done as it is asked for, or as late as a driver may do it: then what a stream is asked for is done when somebody waits
// for it, and host memory is read and written only then. What new memory holds is rubbish, as on a device: here NaN. Limits on
// launches are those of a device.
//
//   TWINVIEW_STANDIN_DEVICES  how many devices there are, 1 if it is not set
//   TWINVIEW_STANDIN_MEMORY   the memory of each in bytes, 16 GiB if it is not set
//   TWINVIEW_STANDIN_LATE     1 for work that is done late
//   TWINVIEW_STANDIN_LAUNCHES how many kernels run before one goes to an illegal address, behind which all calls fail
#include <cuda.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

struct CUctx_st {
  CUdevice device;
};
struct CUgraph_st;
// A stream is used by one thread at a time.
struct CUstream_st {
  CUctx_st *context;
  bool blocking;          // the calls without a stream wait for it
  CUgraph_st *capturing;  // what is asked of the stream goes there, if it is not null
  std::deque<std::function<void()>> left;

  // step does the oldest of what is left to do, and tells whether there was something.
  bool step() {
    if (left.empty()) return false;
    const auto work = std::move(left.front());
    left.pop_front();
    work();
    return true;
  }
  void finish() {
    while (step()) {
    }
  }
};
// Point is a place in a stream's work.
struct Point {
  CUstream_st *stream;
  bool reached = false;
  std::chrono::steady_clock::time_point at;

  void reach() {
    while (!reached && stream->step()) {
    }
  }
};
struct CUevent_st {
  std::shared_ptr<Point> recorded;  // the last time
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

size_t number(const char *variable, size_t otherwise) {
  const char *text = getenv(variable);
  return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}

// lost tells whether a kernel has gone to an illegal address; it counts one that is about to run.
bool lost(bool runs = false) {
  static const size_t most = number("TWINVIEW_STANDIN_LAUNCHES", SIZE_MAX);
  static std::atomic<size_t> run{0};
  return (runs ? ++run : run.load()) > most;
}

// Launch is of a kernel, with arguments that the caller keeps.
struct Launch {
  Kernel kernel;
  void **arguments;
  Extent grid, block;
  size_t shared;

  void run() const {
    if (!lost(true)) kernel(arguments, grid, block, shared);
  }
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

int devices() { return int(number("TWINVIEW_STANDIN_DEVICES", 1)); }
size_t capacity() { return number("TWINVIEW_STANDIN_MEMORY", size_t(16) << 30); }
bool late() { return number("TWINVIEW_STANDIN_LATE", 0) != 0; }
bool exists(CUdevice device) { return device >= 0 && device < devices() && device < kMostDevices; }

std::mutex streaming;
std::set<CUstream> streams;

// wait_for_streams finishes what the current context's streams have left to do, all or those that calls without a stream wait for.
void wait_for_streams(bool all) {
  std::vector<CUstream> waited;
  {
    const std::lock_guard<std::mutex> lock(streaming);
    for (CUstream stream : streams)
      if (stream->context == current && (all || stream->blocking)) waited.push_back(stream);
  }
  for (CUstream stream : waited) stream->finish();
}

// ask does work in a stream, or now.
void ask(CUstream stream, std::function<void()> work) {
  if (!stream) {
    wait_for_streams(false);
    work();
  } else if (late()) {
    stream->left.push_back(std::move(work));
  } else {
    work();
  }
}

// Copies and fills in a graph are not there.
CUresult outside_graphs(CUstream stream) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (lost()) return CUDA_ERROR_ILLEGAL_ADDRESS;
  return stream && stream->capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

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
CUresult fill(CUdeviceptr memory, T value, size_t count, CUstream stream) {
  if (const CUresult failure = outside_graphs(stream)) return failure;
  if (!inside(memory, count * sizeof(T)) || memory % sizeof(T) != 0) return CUDA_ERROR_INVALID_VALUE;
  ask(stream, [=] { std::fill_n(static_cast<T *>(pointer(memory)), count, value); });
  return CUDA_SUCCESS;
}

// copy reads and writes the host's memory when its turn comes. A driver may do so with memory that is not page-locked too: that of
// CUDA 11 left it to a thread of its own.
CUresult copy(void *to, const void *from, size_t size, bool valid, CUstream stream) {
  if (const CUresult failure = outside_graphs(stream)) return failure;
  if (!valid) return CUDA_ERROR_INVALID_VALUE;
  ask(stream, [=] { memmove(to, from, size); });
  return CUDA_SUCCESS;
}

}  // namespace

// A graph is launches, and it is the same before and after it was made ready. Other than with a driver, what a launch's arguments
// point to must stay until it is done, and with a graph.
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

CUresult cuDeviceGetUuid(CUuuid *id, CUdevice device) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  *id = CUuuid{{'s', 't', 'a', 'n', 'd', '-', 'i', 'n', char(device)}};
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
  if (current == context) {
    wait_for_streams(true);
    current = nullptr;
  }
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

CUresult cuCtxSynchronize() {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  wait_for_streams(true);
  return CUDA_SUCCESS;
}

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
  wait_for_streams(true);
  const std::lock_guard<std::mutex> lock(allocating);
  const auto at = allocations.find(uintptr_t(memory));
  if (at == allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  used[at->second.device] -= at->second.size;
  allocations.erase(at);
  free(pointer(memory));
  return CUDA_SUCCESS;
}

// Memory is the same for the host and for the devices here.
CUresult cuMemPrefetchAsync(CUdeviceptr memory, size_t size, CUdevice device, CUstream stream) {
  if (const CUresult failure = outside_graphs(stream)) return failure;
  if (device != CU_DEVICE_CPU && !exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  return inside(memory, size) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
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
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  wait_for_streams(true);
  free(memory);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
  return copy(pointer(to), from, size, inside(to, size), stream);
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream) {
  return copy(to, pointer(from), size, inside(from, size), stream);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
  return copy(pointer(to), pointer(from), size, inside(to, size) && inside(from, size), stream);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) { return cuMemcpyHtoDAsync_v2(to, from, size, nullptr); }

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) { return cuMemcpyDtoHAsync_v2(to, from, size, nullptr); }

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) { return cuMemcpyDtoDAsync_v2(to, from, size, nullptr); }

CUresult cuMemsetD8_v2(CUdeviceptr memory, unsigned char value, size_t count) { return fill(memory, value, count, nullptr); }

CUresult cuMemsetD32_v2(CUdeviceptr memory, unsigned value, size_t count) { return fill(memory, value, count, nullptr); }

CUresult cuMemsetD8Async(CUdeviceptr memory, unsigned char value, size_t count, CUstream stream) {
  return fill(memory, value, count, stream);
}

CUresult cuMemsetD32Async(CUdeviceptr memory, unsigned value, size_t count, CUstream stream) {
  return fill(memory, value, count, stream);
}

static bool capturing(CUstream stream) { return stream && stream->capturing; }

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  *stream = new CUstream_st{current, !(flags & CU_STREAM_NON_BLOCKING), nullptr, {}};
  const std::lock_guard<std::mutex> lock(streaming);
  streams.insert(*stream);
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  stream->finish();
  const std::lock_guard<std::mutex> lock(streaming);
  streams.erase(stream);
  delete stream;
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
  if (const CUresult failure = outside_graphs(stream)) return failure;
  if (stream) {
    stream->finish();
  } else {
    wait_for_streams(false);
  }
  return lost() ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS;
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
  ask(stream, [launches = reinterpret_cast<CUgraph_st *>(graph)->launches] {
    for (const Launch &launch : launches) launch.run();
  });
  return CUDA_SUCCESS;
}

// Who asks whether work is done brings it on.
CUresult cuStreamQuery(CUstream stream) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  return stream && stream->step() ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  if (event->recorded) ask(stream, [point = event->recorded] { point->reach(); });
  return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  *event = new CUevent_st;
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  event->recorded = std::make_shared<Point>();
  event->recorded->stream = stream;
  ask(stream, [point = event->recorded] {
    point->at = std::chrono::steady_clock::now();
    point->reached = true;
  });
  return CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent event) {
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  if (!event->recorded || event->recorded->reached) return CUDA_SUCCESS;
  event->recorded->stream->step();
  return CUDA_ERROR_NOT_READY;
}

CUresult cuEventSynchronize(CUevent event) {
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  if (event->recorded) event->recorded->reach();
  return lost() ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  if (!from || !to || !from->recorded || !to->recorded) return CUDA_ERROR_INVALID_HANDLE;
  if (!from->recorded->reached || !to->recorded->reached) return CUDA_ERROR_NOT_READY;
  *milliseconds = std::chrono::duration<float, std::milli>(to->recorded->at - from->recorded->at).count();
  return CUDA_SUCCESS;
}

// A module is whatever looks like PTX: its code is not looked at.
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
  if (!current) return CUDA_ERROR_INVALID_CONTEXT;
  if (!image) return CUDA_ERROR_INVALID_VALUE;
  if (strstr(static_cast<const char *>(image), ".version")) {
    *module = new CUmod_st{current};
    return CUDA_SUCCESS;
  }
  size_t size = 0;
  char *log = nullptr;
  for (unsigned i = 0; i < count; i++) {
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER) log = static_cast<char *>(values[i]);
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = reinterpret_cast<size_t>(values[i]);
  }
  if (log) snprintf(log, size, "ptxas fatal: missing .version directive");
  return CUDA_ERROR_INVALID_PTX;
}

CUresult cuModuleUnload(CUmodule module) {
  wait_for_streams(true);
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
  if (attribute != CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES) return CUDA_ERROR_NOT_SUPPORTED;
  *value = 0;  // it is not kept apart here
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
    ask(stream, [launch] { launch.run(); });
  }
  return CUDA_SUCCESS;
}

}  // extern "C"
