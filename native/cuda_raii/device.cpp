#include "cuda_raii/device.h"

#include <cstdio>

#include "cuda_raii/driver.h"

namespace intentd {
namespace {

CUdevice firstDevice() {
  CUdevice device = 0;
  check(driver().cuDeviceGet(&device, 0), "Looking up the GPU");
  return device;
}

int attribute(CUdevice_attribute which) {
  int value = 0;
  check(driver().cuDeviceGetAttribute(&value, which, firstDevice()), "Reading an attribute of the GPU");
  return value;
}

/** As nvidia-smi writes it. */
std::string inHex(const CUuuid& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; i++) {
    char byte[3];
    std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += byte;
    if (i == 3 || i == 5 || i == 7 || i == 9) text += '-';
  }
  return text;
}

CUcontext primaryContext() {
  CUcontext context = nullptr;
  check(driver().cuDevicePrimaryCtxRetain(&context, firstDevice()), "Making a CUDA context");
  return context;
}

}  // namespace

Device describeDevice() {
  const Driver& cuda = driver();
  const CUdevice device = firstDevice();
  char name[256] = "";
  check(cuda.cuDeviceGetName(name, sizeof name, device), "Reading the GPU's name");
  CUuuid uuid{};
  check(cuda.cuDeviceGetUuid(&uuid, device), "Reading the GPU's UUID");
  char busId[32] = "";
  check(cuda.cuDeviceGetPCIBusId(busId, sizeof busId, device), "Reading the GPU's bus");
  size_t total = 0;
  check(cuda.cuDeviceTotalMem(&total, device), "Reading the GPU's memory size");
  const int sm = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 +
                 attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  return {name, inHex(uuid), busId, sm, total, attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED) != 0};
}

void useDevice() {
  static const CUcontext context = primaryContext();
  check(driver().cuCtxSetCurrent(context), "Entering the CUDA context");
}

uint64_t freeDeviceBytes() {
  size_t free = 0;
  size_t total = 0;
  check(driver().cuMemGetInfo(&free, &total), "Reading the free device memory");
  return free;
}

std::string cudaVersion(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string driverCudaVersion() {
  int version = 0;
  check(driver().cuDriverGetVersion(&version), "Reading the driver's CUDA version");
  return cudaVersion(version);
}

}  // namespace intentd
