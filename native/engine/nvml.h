#pragma once

#include <string>

namespace intentd {

/** Energy that the GPU has used since the driver was loaded, mJ. @throws Error `NO_METER`, `NO_CUDA`, `NO_GPU` */
double readGpuEnergyMj();

/** e.g. `580.65.06`; `''` where there is no NVML. */
std::string nvmlDriverVersion();

}  // namespace intentd
