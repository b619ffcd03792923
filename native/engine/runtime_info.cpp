#include "engine/runtime_info.h"

#include <fstream>

#include "cuda_raii/shared_library.h"
#include "engine/nvml.h"
#include "engine/tensorrt_library.h"

namespace intentd {
namespace {

std::string cudaRuntimeVersion() {
  for (const char* name : {"libcudart.so.13", "libcudart.so.12"}) {
    std::vector<std::string> files;
    for (const std::string& folder : libraryFolders("CUDA_ROOT")) files.push_back(folder + "/" + name);
    files.emplace_back(name);
    for (const std::string& file : files) {
      std::string ignored;
      const auto library = SharedLibrary::open(file, ignored);
      if (!library) continue;
      const auto read = library->find<int (*)(int*)>("cudaRuntimeGetVersion");
      int version = 0;
      if (read != nullptr && read(&version) == 0) return cudaVersion(version);
    }
  }
  return "";
}

/** The kernel module's version, where NVML does not tell the driver's. */
std::string moduleVersion() {
  std::ifstream file("/sys/module/nvidia/version");
  std::string version;
  std::getline(file, version);
  return version;
}

/**
 * What a Jetson could give to the GPU: the driver counts memory as used that only caches files, and Linux gives it
 * back at once. 0 if that cannot be read.
 */
uint64_t availableHostBytes() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kibibytes = 0;
  std::string unit;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == "MemAvailable:") return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

RuntimeInfo runtimeInfo() {
  const TensorRt& tensorrt = TensorRt::open();
  const Device device = describeDevice();
  useDevice();
  uint64_t freeBytes = freeDeviceBytes();
  if (device.unifiedMemory) freeBytes = std::max(freeBytes, availableHostBytes());
  std::string driver = nvmlDriverVersion();
  if (driver.empty()) driver = moduleVersion();
  return {tensorrt.version(), cudaRuntimeVersion(), driver, driverCudaVersion(), device, freeBytes};
}

}  // namespace intentd
