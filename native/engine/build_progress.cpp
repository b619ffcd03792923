#include "engine/build_progress.h"

namespace intentd {
namespace {

/** Runs what may throw inside a callback of TensorRT's, out of which nothing may: a step untold is no failed build. */
template <typename Work>
void quietly(Work work) noexcept {
  try {
    work();
  } catch (...) {
  }
}

}  // namespace

void BuildProgress::phaseStart(const char* phase, const char* parent, int32_t steps) noexcept {
  quietly([&] {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto above = parent != nullptr ? phases_.find(parent) : phases_.end();
    const Phase started{steps, above == phases_.end() ? 0 : above->second.depth + 1};
    phases_[phase] = started;
    tell(phase, started, 0);
  });
}

bool BuildProgress::stepComplete(const char* phase, int32_t step) noexcept {
  quietly([&] {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = phases_.find(phase);
    if (known != phases_.end()) tell(phase, known->second, step + 1);
  });
  return !cancelled_.load();
}

void BuildProgress::phaseFinish(const char* phase) noexcept {
  quietly([&] {
    const std::lock_guard<std::mutex> lock(mutex_);
    phases_.erase(phase);
  });
}

void BuildProgress::tell(const std::string& name, const Phase& phase, int step) {
  sink_({name, step, phase.steps, phase.depth});
}

}  // namespace intentd
