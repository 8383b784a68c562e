// A stand-in for NVIDIA's management library, as far as package hardware asks it: each of the stand-in's devices takes 100 W.
#include <chrono>
#include <cstring>

extern "C" {

int nvmlInit_v2() { return 0; }

int nvmlDeviceGetHandleByUUID(const char *id, void **device) {
  static char some;
  *device = &some;
  const char prefix[] = "GPU-7374616e-642d-696e-";  // "stand-in", see cuDeviceGetUuid
  return strncmp(id, prefix, sizeof prefix - 1) == 0 ? 0 : 6;
}

int nvmlDeviceGetTotalEnergyConsumption(void *, unsigned long long *millijoules) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  *millijoules = 100ull * (unsigned long long)std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return 0;
}
}
