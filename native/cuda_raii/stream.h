#pragma once

#include <functional>

#include "cuda_raii/driver.h"
#include "cuda_raii/owned.h"

namespace intentd {

void releaseStream(CUstream stream) noexcept;
void releaseEvent(CUevent event) noexcept;
void releaseGraph(CUgraphExec graph) noexcept;

using Stream = Owned<CUstream, releaseStream>;
using Event = Owned<CUevent, releaseEvent>;
/** Work that was captured once and is launched as one. */
using Graph = Owned<CUgraphExec, releaseGraph>;

Stream makeStream();
Event makeEvent();
/** Captures what `enqueue` puts on the stream; nothing of it runs. */
Graph captureGraph(const Stream& stream, const std::function<void()>& enqueue);

void finish(const Stream& stream);
void record(const Event& event, const Stream& stream);
/** µs from one event to the other, both over. */
double elapsedUs(const Event& from, const Event& to);

}  // namespace intentd
