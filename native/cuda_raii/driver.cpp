#include "cuda_raii/driver.h"

#include "cuda_raii/shared_library.h"
#include "result/error.h"

namespace intentd {
namespace {

#define INTENTD_TEXT_OF(name) #name
#define INTENTD_SYMBOL(name) INTENTD_TEXT_OF(name)

Driver openDriver() {
  std::string why;
  const auto library = SharedLibrary::open("libcuda.so.1", why);
  if (!library) {
    throw Error(Code::noCuda, "NVIDIA's driver library libcuda.so.1 cannot be opened (" + why +
                                  "); install the NVIDIA driver, on a Jetson the package nvidia-l4t-cuda.");
  }
  Driver driver{};
#define INTENTD_FIND(name)                                                                  \
  driver.name = library->find<decltype(driver.name)>(INTENTD_SYMBOL(name));                 \
  if (driver.name == nullptr) {                                                             \
    throw Error(Code::noCuda, "libcuda.so.1 has no " INTENTD_SYMBOL(name) ": it is too old or not NVIDIA's driver; " \
                              "update the NVIDIA driver.");                                 \
  }
  INTENTD_CUDA_FUNCTIONS(INTENTD_FIND)
#undef INTENTD_FIND
  return driver;
}

std::string inWords(const Driver& driver, CUresult result) {
  const char* name = nullptr;
  const char* text = nullptr;
  if (driver.cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr) name = "unknown CUDA error";
  if (driver.cuGetErrorString(result, &text) != CUDA_SUCCESS || text == nullptr) text = "";
  return std::string(name) + " (" + std::to_string(static_cast<int>(result)) + "): " + text;
}

Driver startDriver() {
  const Driver driver = openDriver();
  const CUresult started = driver.cuInit(0);
  int devices = 0;
  if (started == CUDA_ERROR_NO_DEVICE || (started == CUDA_SUCCESS && driver.cuDeviceGetCount(&devices) == CUDA_SUCCESS && devices == 0)) {
    throw Error(Code::noGpu, "The NVIDIA driver sees no GPU: look at nvidia-smi, the permissions of /dev/nvidia* "
                             "(on a Jetson /dev/nvhost-*, /dev/nvmap) and CUDA_VISIBLE_DEVICES.");
  }
  if (started != CUDA_SUCCESS) {
    throw Error(Code::noCuda, "The NVIDIA driver does not start: " + inWords(driver, started) + ".");
  }
  return driver;
}

}  // namespace

const Driver& driver() {
  static const Driver started = startDriver();  // Tried again by the next caller if it throws.
  return started;
}

void check(CUresult result, const std::string& what) {
  if (result == CUDA_SUCCESS) return;
  const Code code = result == CUDA_ERROR_OUT_OF_MEMORY ? Code::outOfMemory : Code::cuda;
  throw Error(code, what + " failed: " + inWords(driver(), result) + ".");
}

}  // namespace intentd
