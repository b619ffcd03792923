#pragma once

#include <optional>
#include <string>
#include <vector>

namespace intentd {

/** A library that was opened at run time. It stays open: what it started cannot be unloaded safely. */
class SharedLibrary {
 public:
  /** Opens a file, or a soname where the loader looks; nothing if that fails, with the reason in `why`. */
  static std::optional<SharedLibrary> open(const std::string& name, std::string& why);

  /** The function of that name; null if there is none. */
  template <typename Function>
  Function find(const char* name) const noexcept {
    return reinterpret_cast<Function>(address(name));
  }

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* address(const char* name) const noexcept;
  void* handle_;
};

/** The folders that an environment variable (`TENSORRT_ROOT`) stands for: itself, `lib`, `lib64`; none if unset. */
std::vector<std::string> libraryFolders(const char* variable);

bool fileExists(const std::string& path) noexcept;

}  // namespace intentd
