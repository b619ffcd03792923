#pragma once

#include <cstddef>

#include "cuda_raii/driver.h"
#include "cuda_raii/owned.h"

namespace intentd {

void releaseDeviceMemory(CUdeviceptr address) noexcept;
void releasePinnedMemory(std::byte* address) noexcept;

using DeviceMemory = Owned<CUdeviceptr, releaseDeviceMemory>;
/** Host memory that the GPU copies from and to by itself. */
using PinnedMemory = Owned<std::byte*, releasePinnedMemory>;

/** @throws Error `OUT_OF_MEMORY` with the size in its message. Of no bytes it gives nothing. */
DeviceMemory allocateDeviceMemory(size_t bytes);
PinnedMemory allocatePinnedMemory(size_t bytes);

inline void* pointer(const DeviceMemory& memory, size_t offset = 0) noexcept {
  return reinterpret_cast<void*>(memory.get() + offset);
}

}  // namespace intentd
