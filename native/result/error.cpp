#include "result/error.h"

namespace intentd {

const char* nameOf(Code code) noexcept {
  switch (code) {
    case Code::badArgument: return "BAD_ARGUMENT";
    case Code::noTensorRt: return "NO_TENSORRT";
    case Code::noCuda: return "NO_CUDA";
    case Code::noGpu: return "NO_GPU";
    case Code::wrongVersion: return "WRONG_VERSION";
    case Code::plugin: return "PLUGIN";
    case Code::parseFailed: return "PARSE_FAILED";
    case Code::buildFailed: return "BUILD_FAILED";
    case Code::cancelled: return "CANCELLED";
    case Code::badEngine: return "BAD_ENGINE";
    case Code::outOfMemory: return "OUT_OF_MEMORY";
    case Code::cuda: return "CUDA";
    case Code::noMeter: return "NO_METER";
    case Code::unloaded: return "UNLOADED";
    case Code::internal: return "INTERNAL";
  }
  return "INTERNAL";
}

}  // namespace intentd
