#pragma once

#include <string>

#include "cuda_raii/device.h"

namespace intentd {

struct RuntimeInfo {
  std::string tensorrt;
  std::string cudaRuntime;
  std::string driver;
  std::string cudaDriver;
  Device device;
  uint64_t freeBytes;
};

/** @throws Error `NO_TENSORRT`, `WRONG_VERSION`, `NO_CUDA`, `NO_GPU`, whichever is met first. */
RuntimeInfo runtimeInfo();

}  // namespace intentd
