#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "result/error.h"

namespace intentd {

/** `level` is one of fatal, error, warn, info, debug. Called on TensorRT's threads. */
using LogSink = std::function<void(const char* level, const std::string& message)>;

/**
 * The process's one logger for TensorRT, which takes the first that it is given for good. Keeps the last error lines,
 * so that whoever fails can tell why.
 */
class Log : public nvinfer1::ILogger {
 public:
  static Log& instance();

  void setSink(LogSink sink);
  void log(Severity severity, const char* message) noexcept override;
  void warn(const std::string& message) noexcept { log(Severity::kWARNING, message.c_str()); }
  /** For whoever asks why something took its time: few lines, told whether TensorRT's own verbose ones are or not. */
  void debug(const std::string& message) noexcept { tell("debug", message); }

  /** A point in time, for {@link errorsSince}. */
  uint64_t mark();
  /** The error lines since then, one after the other; `''` if there were none. */
  std::string errorsSince(uint64_t mark);

 private:
  Log() = default;
  void tell(const char* level, const std::string& line) noexcept;
  void keep(const std::string& line);
  std::mutex mutex_;
  LogSink sink_;
  std::deque<std::string> errors_;
  uint64_t written_ = 0;
};

/**
 * `what`, followed by what TensorRT logged as errors since `mark`. Whatever ran out of memory has the code
 * `OUT_OF_MEMORY`, for TensorRT tells that only there.
 */
Error failure(Code code, const std::string& what, uint64_t mark);

}  // namespace intentd
