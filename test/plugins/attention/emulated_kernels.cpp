// Compiled with emulated_primitives.h forced in before everything else.
#include "emulated_kernels.h"

#include <cstring>

#include "short.cuh"
#include "tiled.cuh"
#include "variants.h"

namespace intentd::attention {

__align__(128) char sharedMemory[228 * 1024];

namespace {

#define INTENTD_TILED_KERNEL(name, int8, out8, head, warps, tiles, tileKeys, fullKeys, maskedKeys, stages, stay, least) \
    {#name, (warps) * 32, [](const KernelParams& p) {                                                                  \
         attendTiled<Tiled<int8, out8, head, warps, tiles, tileKeys, fullKeys, maskedKeys, stages, stay>>(p);          \
     }},
#define INTENTD_SHORT_KERNEL(name, int8, out8, head, warps, keys)                                                      \
    {#name, (warps) * 32, [](const KernelParams& p) { attendShort<Short<int8, out8, head, warps, keys>>(p); }},

const EmulatedKernel kKernels[] = {INTENTD_TILED(INTENTD_TILED_KERNEL) INTENTD_SHORT(INTENTD_SHORT_KERNEL)};

} // namespace

} // namespace intentd::attention

const EmulatedKernel* findEmulated(const char* name) {
    for (const EmulatedKernel& kernel : intentd::attention::kKernels) {
        if (std::strcmp(kernel.name, name) == 0) return &kernel;
    }
    return nullptr;
}

void emulate(const EmulatedKernel& kernel, const intentd::attention::KernelParams& params, int heads, int items) {
    for (int i = 0; i < heads * items * params.batch; i++) {
        // What a former block left in shared memory must not matter.
        std::memset(intentd::attention::sharedMemory, 0xff, sizeof intentd::attention::sharedMemory);
        const emulation::Index index = {static_cast<unsigned>(i % heads), static_cast<unsigned>(i / heads % items),
                                        static_cast<unsigned>(i / heads / items)};
        emulation::runBlock(index, kernel.threads, [&] { kernel.run(params); });
    }
}
