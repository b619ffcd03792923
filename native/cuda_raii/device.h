#pragma once

#include <cstdint>
#include <string>

namespace intentd {

/** The one GPU that is used: the first that CUDA_VISIBLE_DEVICES leaves. */
struct Device {
  std::string name;
  /** e.g. `GPU-1c2f…` */
  std::string uuid;
  /** e.g. `0000:01:00.0` */
  std::string pciBusId;
  /** Compute capability without its point, e.g. 87. */
  int sm;
  uint64_t totalBytes;
  /** Processor and GPU share one memory. */
  bool unifiedMemory;
};

Device describeDevice();

/**
 * Makes the device's primary context, the one that TensorRT uses too, current on this thread. It is kept until the
 * process ends.
 */
void useDevice();

/** Bytes of device memory that nothing uses, by the driver's count. Needs {@link useDevice}. */
uint64_t freeDeviceBytes();

/** e.g. `13.0` from 13000, as CUDA counts versions. */
std::string cudaVersion(int version);

/** The newest CUDA that the driver runs, e.g. `13.0`. */
std::string driverCudaVersion();

}  // namespace intentd
