#include "engine/nvml.h"

#include "cuda_raii/device.h"
#include "cuda_raii/shared_library.h"
#include "result/error.h"

namespace intentd {
namespace {

/** The little of NVML's interface that is used; a Jetson's CUDA brings no nvml.h. */
struct Nvml {
  using Result = int;  // 0: success
  using Meter = void*;

  Result (*start)();
  const char* (*errorText)(Result);
  Result (*driverVersion)(char* text, unsigned int size);
  Result (*byPciBusId)(const char* id, Meter* meter);
  Result (*totalEnergyMj)(Meter meter, unsigned long long* millijoules);
};

template <typename Function>
void find(const SharedLibrary& library, const char* name, Function& function) {
  function = library.find<Function>(name);
  if (function == nullptr) throw Error(Code::noMeter, std::string("libnvidia-ml.so.1 has no ") + name + ".");
}

Nvml openNvml() {
  std::string why;
  const auto library = SharedLibrary::open("libnvidia-ml.so.1", why);
  if (!library) throw Error(Code::noMeter, "NVML cannot be opened (" + why + "); a Jetson has power rails instead.");
  Nvml nvml{};
  find(*library, "nvmlInit_v2", nvml.start);
  find(*library, "nvmlErrorString", nvml.errorText);
  find(*library, "nvmlSystemGetDriverVersion", nvml.driverVersion);
  find(*library, "nvmlDeviceGetHandleByPciBusId_v2", nvml.byPciBusId);
  find(*library, "nvmlDeviceGetTotalEnergyConsumption", nvml.totalEnergyMj);
  return nvml;
}

void check(const Nvml& nvml, Nvml::Result result, const char* what) {
  if (result == 0) return;
  throw Error(Code::noMeter, std::string(what) + " failed: " + nvml.errorText(result) + ".");
}

Nvml startNvml() {
  const Nvml nvml = openNvml();
  check(nvml, nvml.start(), "Starting NVML");
  return nvml;
}

const Nvml& nvml() {
  static const Nvml started = startNvml();
  return started;
}

Nvml::Meter findMeter() {
  Nvml::Meter meter = nullptr;
  check(nvml(), nvml().byPciBusId(describeDevice().pciBusId.c_str(), &meter), "Finding the GPU in NVML");
  return meter;
}

}  // namespace

double readGpuEnergyMj() {
  const Nvml& library = nvml();
  static const Nvml::Meter meter = findMeter();
  unsigned long long millijoules = 0;
  check(library, library.totalEnergyMj(meter, &millijoules), "Reading the GPU's energy counter");
  return static_cast<double>(millijoules);
}

std::string nvmlDriverVersion() {
  try {
    char version[128] = "";
    check(nvml(), nvml().driverVersion(version, sizeof version), "Reading the driver's version");
    return version;
  } catch (const Error&) {
    return "";  // Not every system has NVML, and the version is for people.
  }
}

}  // namespace intentd
