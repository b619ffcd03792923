#pragma once

#include <cuda.h>

#include <string>

namespace intentd {

/**
 * The functions of CUDA's driver that are used, by the names that this build's cuda.h gives their versions. The
 * driver's interface is kept over CUDA's majors, so one binary runs on CUDA 12 and 13, without a CUDA runtime.
 */
struct Driver {
#define INTENTD_CUDA_FUNCTIONS(X) \
  X(cuInit)                       \
  X(cuDriverGetVersion)           \
  X(cuGetErrorName)               \
  X(cuGetErrorString)             \
  X(cuDeviceGetCount)             \
  X(cuDeviceGet)                  \
  X(cuDeviceGetName)              \
  X(cuDeviceGetUuid)              \
  X(cuDeviceGetPCIBusId)          \
  X(cuDeviceGetAttribute)         \
  X(cuDeviceTotalMem)             \
  X(cuDevicePrimaryCtxRetain)     \
  X(cuCtxSetCurrent)              \
  X(cuMemGetInfo)                 \
  X(cuMemAlloc)                   \
  X(cuMemFree)                    \
  X(cuMemHostAlloc)               \
  X(cuMemFreeHost)                \
  X(cuMemcpyHtoDAsync)            \
  X(cuMemcpyDtoHAsync)            \
  X(cuStreamCreate)               \
  X(cuStreamDestroy)              \
  X(cuStreamSynchronize)          \
  X(cuStreamBeginCapture)         \
  X(cuStreamEndCapture)           \
  X(cuGraphDestroy)               \
  X(cuGraphInstantiate)           \
  X(cuGraphExecDestroy)           \
  X(cuGraphLaunch)                \
  X(cuEventCreate)                \
  X(cuEventDestroy)               \
  X(cuEventRecord)                \
  X(cuEventElapsedTime)
#define INTENTD_DECLARE(name) decltype(&::name) name;
  INTENTD_CUDA_FUNCTIONS(INTENTD_DECLARE)
#undef INTENTD_DECLARE
};

/**
 * The driver, opened and initialized on first use.
 *
 * @throws Error `NO_CUDA` without a driver or with one too old, `NO_GPU` without a device.
 */
const Driver& driver();

/** @throws Error `OUT_OF_MEMORY`, `CUDA` with the driver's words, unless `result` is success. */
void check(CUresult result, const std::string& what);

}  // namespace intentd
