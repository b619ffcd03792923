#include "engine/log.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace intentd {
namespace {

constexpr size_t keptErrors = 32;

const char* levelOf(nvinfer1::ILogger::Severity severity) noexcept {
  switch (severity) {
    case nvinfer1::ILogger::Severity::kINTERNAL_ERROR: return "fatal";
    case nvinfer1::ILogger::Severity::kERROR: return "error";
    case nvinfer1::ILogger::Severity::kWARNING: return "warn";
    case nvinfer1::ILogger::Severity::kINFO: return "info";
    case nvinfer1::ILogger::Severity::kVERBOSE: return "debug";
  }
  return "debug";
}

/** A build tells more verbose lines than a log should hold: they are for whoever asks for them. */
bool wantsVerbose() noexcept {
  static const bool wants = std::getenv("INTENTD_TENSORRT_VERBOSE") != nullptr;
  return wants;
}

bool tellsOfMemory(const std::string& lines) {
  for (const char* words : {"OutOfMemory", "out of memory", "Out of memory"}) {
    if (lines.find(words) != std::string::npos) return true;
  }
  return false;
}

/** The parser warns of every attribute that a node of the plugin's may have and has not: half of them are optional. */
bool tellsOfOptional(const char* message) noexcept {
  return message != nullptr && std::strstr(message, "not found in plugin node") != nullptr;
}

}  // namespace

Log& Log::instance() {
  static Log* const log = new Log();  // TensorRT may log until the process ends: never destroyed.
  return *log;
}

void Log::setSink(LogSink sink) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sink_ = std::move(sink);
}

void Log::tell(const char* level, const std::string& line) noexcept {
  try {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (sink_) sink_(level, line);
  } catch (...) {
    // A line less in a log: there is nowhere else to tell of it.
  }
}

void Log::keep(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  errors_.push_back(line);
  if (errors_.size() > keptErrors) errors_.pop_front();
  written_++;
}

void Log::log(Severity severity, const char* message) noexcept {
  if (severity == Severity::kWARNING && tellsOfOptional(message)) severity = Severity::kINFO;
  if (severity == Severity::kVERBOSE && !wantsVerbose()) return;
  try {
    const std::string line(message != nullptr ? message : "");
    if (severity <= Severity::kERROR) keep(line);
    tell(levelOf(severity), line);
  } catch (...) {
    // Nothing may leave a callback of TensorRT's, and there is nowhere else to tell of a log that is full.
  }
}

uint64_t Log::mark() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return written_;
}

std::string Log::errorsSince(uint64_t mark) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const uint64_t fresh = std::min<uint64_t>(written_ - mark, errors_.size());
  std::string lines;
  for (auto line = errors_.end() - static_cast<std::ptrdiff_t>(fresh); line != errors_.end(); ++line) {
    if (!lines.empty()) lines += ' ';
    lines += *line;
  }
  return lines;
}

Error failure(Code code, const std::string& what, uint64_t mark) {
  const std::string lines = Log::instance().errorsSince(mark);
  const Code told = tellsOfMemory(lines) ? Code::outOfMemory : code;
  return Error(told, lines.empty() ? what + "." : what + ": " + lines);
}

}  // namespace intentd
