// The CUDA driver, opened at run time, so that the library loads on machines without one and needs no CUDA runtime.
#pragma once

#include <cuda.h>
#include <driver_types.h>

namespace intentd::attention {

struct Driver {
    decltype(&::cuCtxGetDevice) ctxGetDevice;
    decltype(&::cuDeviceGetAttribute) deviceGetAttribute;
    decltype(&::cuLibraryLoadData) libraryLoadData;
    decltype(&::cuLibraryUnload) libraryUnload;
    decltype(&::cuLibraryGetKernel) libraryGetKernel;
    decltype(&::cuKernelGetFunction) kernelGetFunction;
    decltype(&::cuKernelSetAttribute) kernelSetAttribute;
    decltype(&::cuLaunchKernel) launchKernel;
    CUresult (*memAlloc)(CUdeviceptr*, size_t);
    CUresult (*memFree)(CUdeviceptr);
    CUresult (*memsetD32)(CUdeviceptr, unsigned int, size_t);
    CUresult (*memsetD32Async)(CUdeviceptr, unsigned int, size_t, CUstream);
};

/// The driver's functions; null where there is no driver, or one older than CUDA 12.0.
const Driver* driver() noexcept;

/// The driver's errors have the runtime's numbers.
inline cudaError_t toCudaError(CUresult result) noexcept { return static_cast<cudaError_t>(result); }

} // namespace intentd::attention
