// The kernels of variants.h, to be run on emulated warps.
#pragma once

#include "params.h"

struct EmulatedKernel {
    const char* name;
    int threads;
    void (*run)(const intentd::attention::KernelParams& params);
};

/// Null for a name that variants.h does not have.
const EmulatedKernel* findEmulated(const char* name);

/// Runs a grid of heads x items x batch blocks, one after another.
void emulate(const EmulatedKernel& kernel, const intentd::attention::KernelParams& params, int heads, int items);
