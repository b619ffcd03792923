#pragma once

#include <stdexcept>
#include <string>

namespace intentd {

/** What went wrong, for programs. The names at the boundary are nameOf's. */
enum class Code {
  badArgument,
  noTensorRt,
  noCuda,
  noGpu,
  wrongVersion,
  plugin,
  parseFailed,
  buildFailed,
  cancelled,
  badEngine,
  outOfMemory,
  cuda,
  noMeter,
  unloaded,
  internal,
};

/** e.g. `BAD_ARGUMENT` */
const char* nameOf(Code code) noexcept;

/** The one error of the native code. Its message is for people and holds the libraries' own words. */
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace intentd
