#include "driver.h"

#include <dlfcn.h>

namespace intentd::attention {

namespace {

template <class F>
bool find(void* library, const char* name, F& function) noexcept {
    function = reinterpret_cast<F>(dlsym(library, name));
    return function != nullptr;
}

const Driver* openDriver() noexcept {
    static Driver opened{};
    void* library = dlopen("libcuda.so.1", RTLD_NOW);
    if (library == nullptr) return nullptr;
    const bool complete = find(library, "cuCtxGetDevice", opened.ctxGetDevice) &&
                          find(library, "cuDeviceGetAttribute", opened.deviceGetAttribute) &&
                          find(library, "cuLibraryLoadData", opened.libraryLoadData) &&
                          find(library, "cuLibraryUnload", opened.libraryUnload) &&
                          find(library, "cuLibraryGetKernel", opened.libraryGetKernel) &&
                          find(library, "cuKernelGetFunction", opened.kernelGetFunction) &&
                          find(library, "cuKernelSetAttribute", opened.kernelSetAttribute) &&
                          find(library, "cuLaunchKernel", opened.launchKernel) &&
                          find(library, "cuMemAlloc_v2", opened.memAlloc) &&
                          find(library, "cuMemFree_v2", opened.memFree) &&
                          find(library, "cuMemsetD32_v2", opened.memsetD32) &&
                          find(library, "cuMemsetD32Async", opened.memsetD32Async);
    return complete ? &opened : nullptr;
}

} // namespace

const Driver* driver() noexcept {
    static const Driver* const opened = openDriver();
    return opened;
}

} // namespace intentd::attention
