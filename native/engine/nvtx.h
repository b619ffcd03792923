#pragma once

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define INTENTD_NVTX 1
#endif

namespace intentd {

/** A range that Nsight Systems shows while it lives. Without a tool attached it costs a look at a pointer. */
class NvtxRange {
 public:
  explicit NvtxRange([[maybe_unused]] const char* name) noexcept {
#ifdef INTENTD_NVTX
    nvtxRangePushA(name);
#endif
  }
  ~NvtxRange() {
#ifdef INTENTD_NVTX
    nvtxRangePop();
#endif
  }
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace intentd
