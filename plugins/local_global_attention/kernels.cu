// The kernels of variants.h by name.
#include "short.cuh"
#include "tiled.cuh"
#include "variants.h"

using intentd::attention::KernelParams;

#define INTENTD_DEFINE_TILED(name, int8, out8, head, warps, tiles, tileKeys, fullKeys, maskedKeys, stages, stay, least) \
    extern "C" __global__ void __launch_bounds__((warps) * 32, least) name(const __grid_constant__ KernelParams p) { \
        using namespace intentd::attention;                                                                            \
        attendTiled<Tiled<int8, out8, head, warps, tiles, tileKeys, fullKeys, maskedKeys, stages, stay>>(p);           \
    }
INTENTD_TILED(INTENTD_DEFINE_TILED)

#define INTENTD_DEFINE_SHORT(name, int8, out8, head, warps, keys)                                                      \
    extern "C" __global__ void __launch_bounds__((warps) * 32) name(const __grid_constant__ KernelParams p) {          \
        using namespace intentd::attention;                                                                            \
        attendShort<Short<int8, out8, head, warps, keys>>(p);                                                          \
    }
INTENTD_SHORT(INTENTD_DEFINE_SHORT)
