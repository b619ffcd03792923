#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <new>

#include "driver.h"
#include "images.h"
#include "launch_plan.h"
#include "params.h"

namespace intentd::attention {

namespace {

constexpr int kMostDevices = 64;
constexpr int kMostVariants = 256;

/// The kernels of one device. They stay loaded until the process ends.
struct Kernels {
    std::array<CUkernel, kMostVariants> kernels;
};

std::array<std::atomic<const Kernels*>, kMostDevices> loadedKernels{};
std::mutex loading;

CUresult loadImage(const Driver& cuda, CUdevice device, CUlibrary& library) noexcept {
    int major = 0;
    int minor = 0;
    CUresult result = cuda.deviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
    if (result != CUDA_SUCCESS) return result;
    result = cuda.deviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
    if (result != CUDA_SUCCESS) return result;
    const Image* image = imageFor(major, minor);
    if (image == nullptr) return CUDA_ERROR_NO_BINARY_FOR_GPU;
    return cuda.libraryLoadData(&library, image->data, nullptr, nullptr, 0, nullptr, nullptr, 0);
}

CUresult findKernels(const Driver& cuda, CUdevice device, CUlibrary library, Kernels& found) noexcept {
    for (int i = 0; i < kVariantCount; i++) {
        CUkernel& kernel = found.kernels[static_cast<std::size_t>(i)];
        CUresult result = cuda.libraryGetKernel(&kernel, library, kVariants[i].name);
        if (result != CUDA_SUCCESS) return result;
        const int bytes = static_cast<int>(kVariants[i].sharedBytes);
        if (bytes > 0) { // more than 48 KiB, what the kernel itself declares included, have to be asked for
            result = cuda.kernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes, kernel, device);
            if (result != CUDA_SUCCESS) return result;
        }
        // Without this the driver would load the code at the first launch, which capture does not allow. It comes
        // after the attribute, which a function takes over from its kernel when it is made.
        CUfunction function = nullptr;
        result = cuda.kernelGetFunction(&function, kernel);
        if (result != CUDA_SUCCESS) return result;
    }
    return CUDA_SUCCESS;
}

CUresult load(const Driver& cuda, CUdevice device) noexcept {
    const std::lock_guard<std::mutex> lock(loading);
    std::atomic<const Kernels*>& slot = loadedKernels[static_cast<std::size_t>(device)];
    if (slot.load() != nullptr) return CUDA_SUCCESS;
    Kernels* kernels = new (std::nothrow) Kernels{};
    if (kernels == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    CUlibrary library = nullptr;
    CUresult result = loadImage(cuda, device, library);
    if (result == CUDA_SUCCESS) result = findKernels(cuda, device, library, *kernels);
    if (result == CUDA_SUCCESS) {
        slot.store(kernels);
        return result;
    }
    if (library != nullptr) cuda.libraryUnload(library);
    delete kernels;
    return result;
}

/// The kernels of the current context's device, loaded now if they were not.
cudaError_t currentKernels(const Driver& cuda, const Kernels*& kernels) noexcept {
    CUdevice device = 0;
    CUresult result = cuda.ctxGetDevice(&device);
    if (result != CUDA_SUCCESS) return toCudaError(result);
    if (device < 0 || device >= kMostDevices) return cudaErrorInvalidDevice;
    std::atomic<const Kernels*>& slot = loadedKernels[static_cast<std::size_t>(device)];
    if (slot.load() == nullptr) result = load(cuda, device);
    kernels = slot.load();
    return toCudaError(result);
}

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

bool positive(float x) { return std::isfinite(x) && x > 0.0f; }

bool validShape(const AttentionShape& shape) {
    return shape.batch >= 0 && shape.sequence >= 1 && shape.sequence <= 8192 && shape.heads >= 1 &&
           shape.heads <= 16384 / shape.headSize && shape.windowEachSide >= -1 && shape.globalTokens >= 0;
}

bool valid(const Attention& call) {
    if (!attentionSupports(call.type, call.shape.headSize) || !validShape(call.shape)) return false;
    if (!positive(call.scale)) return false;
    if (call.type == DataType::kInt8 && !positive(call.inputScale)) return false;
    if (call.type != DataType::kHalf && !positive(call.outputScale)) return false;
    const bool value = call.packed || (call.value != nullptr && aligned(call.value));
    return value && call.queryKey != nullptr && aligned(call.queryKey) && call.output != nullptr &&
           aligned(call.output) && call.lengths != nullptr && aligned(call.workspace);
}

/// Lays partial results and counters into the workspace; counters of the caller's own are zero already.
CUresult prepareWorkspace(const Driver& cuda, const Attention& call, KernelParams& p, CUstream stream) noexcept {
    if (p.splits == 1) return CUDA_SUCCESS;
    if (call.workspace == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const std::size_t count = attentionCounterCount(call.shape);
    const std::size_t counterBytes = (count * sizeof(std::uint32_t) + 15) / 16 * 16;
    p.partials = reinterpret_cast<float*>(static_cast<char*>(call.workspace) + counterBytes);
    p.counters = call.counters;
    if (p.counters != nullptr) return CUDA_SUCCESS;
    p.counters = static_cast<unsigned int*>(call.workspace);
    return cuda.memsetD32Async(reinterpret_cast<CUdeviceptr>(call.workspace), 0, count, stream);
}

/// A grid holds so many rows; a larger batch takes several launches.
constexpr int kMostRows = 65535;

CUresult launchRows(const Driver& cuda, CUkernel kernel, const LaunchPlan& plan, KernelParams& params,
                    CUstream stream) noexcept {
    const Variant& variant = kVariants[plan.variant];
    for (params.firstRow = 0; params.firstRow < params.batch; params.firstRow += kMostRows) {
        const int rows = params.batch - params.firstRow < kMostRows ? params.batch - params.firstRow : kMostRows;
        void* arguments[] = {&params};
        const CUresult result = cuda.launchKernel(
            reinterpret_cast<CUfunction>(kernel), static_cast<unsigned>(plan.grid.heads),
            static_cast<unsigned>(plan.grid.items), static_cast<unsigned>(rows), static_cast<unsigned>(variant.threads), 1,
            1, static_cast<unsigned>(variant.sharedBytes), stream, arguments, nullptr);
        if (result != CUDA_SUCCESS) return result;
    }
    return CUDA_SUCCESS;
}

} // namespace

cudaError_t prepareAttention() noexcept {
    const Driver* cuda = driver();
    const Kernels* kernels = nullptr;
    return cuda == nullptr ? cudaErrorInsufficientDriver : currentKernels(*cuda, kernels);
}

cudaError_t allocateAttentionCounters(std::size_t count, std::uint32_t** counters) noexcept {
    const Driver* cuda = driver();
    if (cuda == nullptr) return cudaErrorInsufficientDriver;
    if (counters == nullptr || count == 0) return cudaErrorInvalidValue;
    CUdeviceptr memory = 0;
    CUresult result = cuda->memAlloc(&memory, count * sizeof(std::uint32_t));
    if (result != CUDA_SUCCESS) return toCudaError(result);
    result = cuda->memsetD32(memory, 0, count);
    *counters = reinterpret_cast<std::uint32_t*>(memory);
    return toCudaError(result);
}

cudaError_t freeAttentionCounters(std::uint32_t* counters) noexcept {
    const Driver* cuda = driver();
    if (cuda == nullptr) return cudaErrorInsufficientDriver;
    return counters == nullptr ? cudaSuccess : toCudaError(cuda->memFree(reinterpret_cast<CUdeviceptr>(counters)));
}

cudaError_t launchAttention(const Attention& attention, cudaStream_t stream) noexcept {
    return launchAttentionTuned(attention, Tuning{}, stream);
}

cudaError_t launchAttentionTuned(const Attention& attention, const Tuning& tuning, cudaStream_t stream) noexcept {
    const Driver* cuda = driver();
    if (cuda == nullptr) return cudaErrorInsufficientDriver;
    if (!valid(attention)) return cudaErrorInvalidValue;
    if (attention.shape.batch == 0) return cudaSuccess;
    const Kernels* kernels = nullptr;
    const cudaError_t error = currentKernels(*cuda, kernels);
    if (error != cudaSuccess) return error;

    const LaunchPlan plan = planLaunch(attention.shape, attention.type, tuning);
    if (plan.grid.heads == 0) return cudaErrorInvalidValue;
    KernelParams params = kernelParams(attention, plan);
    const CUresult result = prepareWorkspace(*cuda, attention, params, stream);
    if (result != CUDA_SUCCESS) return toCudaError(result);
    return toCudaError(launchRows(*cuda, kernels->kernels[static_cast<std::size_t>(plan.variant)], plan, params, stream));
}

} // namespace intentd::attention
