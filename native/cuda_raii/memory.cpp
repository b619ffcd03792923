#include "cuda_raii/memory.h"

namespace intentd {

void releaseDeviceMemory(CUdeviceptr address) noexcept { driver().cuMemFree(address); }
void releasePinnedMemory(std::byte* address) noexcept { driver().cuMemFreeHost(address); }

DeviceMemory allocateDeviceMemory(size_t bytes) {
  if (bytes == 0) return DeviceMemory();
  CUdeviceptr address = 0;
  check(driver().cuMemAlloc(&address, bytes), "Taking " + std::to_string(bytes) + " bytes of device memory");
  return DeviceMemory(address);
}

PinnedMemory allocatePinnedMemory(size_t bytes) {
  void* address = nullptr;
  check(driver().cuMemHostAlloc(&address, bytes, CU_MEMHOSTALLOC_PORTABLE),
        "Taking " + std::to_string(bytes) + " bytes of pinned memory");
  return PinnedMemory(static_cast<std::byte*>(address));
}

}  // namespace intentd
