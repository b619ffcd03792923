#include "cuda_raii/shared_library.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <cstdlib>

namespace intentd {

std::optional<SharedLibrary> SharedLibrary::open(const std::string& name, std::string& why) {
  if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return SharedLibrary(handle);
  const char* reason = dlerror();
  why = reason != nullptr ? reason : name + " cannot be opened";
  return std::nullopt;
}

void* SharedLibrary::address(const char* name) const noexcept { return dlsym(handle_, name); }

std::vector<std::string> libraryFolders(const char* variable) {
  const char* root = std::getenv(variable);
  if (root == nullptr || *root == '\0') return {};
  const std::string folder(root);
  return {folder + "/lib", folder + "/lib64", folder};
}

bool fileExists(const std::string& path) noexcept {
  struct stat found {};
  return stat(path.c_str(), &found) == 0;
}

}  // namespace intentd
