#include "cuda_raii/stream.h"

namespace intentd {
namespace {

void releaseTemplate(CUgraph graph) noexcept { driver().cuGraphDestroy(graph); }
using GraphTemplate = Owned<CUgraph, releaseTemplate>;

GraphTemplate endCapture(const Stream& stream, const char* what) {
  CUgraph captured = nullptr;
  check(driver().cuStreamEndCapture(stream.get(), &captured), what);
  return GraphTemplate(captured);
}

}  // namespace

void releaseStream(CUstream stream) noexcept { driver().cuStreamDestroy(stream); }
void releaseEvent(CUevent event) noexcept { driver().cuEventDestroy(event); }
void releaseGraph(CUgraphExec graph) noexcept { driver().cuGraphExecDestroy(graph); }

Stream makeStream() {
  CUstream stream = nullptr;
  check(driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "Making a CUDA stream");
  return Stream(stream);
}

Event makeEvent() {
  CUevent event = nullptr;
  check(driver().cuEventCreate(&event, CU_EVENT_DEFAULT), "Making a CUDA event");
  return Event(event);
}

Graph captureGraph(const Stream& stream, const std::function<void()>& enqueue) {
  check(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "Capturing a CUDA graph");
  try {
    enqueue();
  } catch (...) {
    CUgraph unfinished = nullptr;  // The stream is of no use until the capture has ended.
    driver().cuStreamEndCapture(stream.get(), &unfinished);
    if (unfinished != nullptr) releaseTemplate(unfinished);
    throw;
  }
  const GraphTemplate captured = endCapture(stream, "Capturing a CUDA graph");
  CUgraphExec graph = nullptr;
  check(driver().cuGraphInstantiate(&graph, captured.get(), 0), "Making a CUDA graph");
  return Graph(graph);
}

void finish(const Stream& stream) { check(driver().cuStreamSynchronize(stream.get()), "Work on the GPU"); }

void record(const Event& event, const Stream& stream) {
  check(driver().cuEventRecord(event.get(), stream.get()), "Recording a CUDA event");
}

double elapsedUs(const Event& from, const Event& to) {
  float ms = 0;
  check(driver().cuEventElapsedTime(&ms, from.get(), to.get()), "Reading a CUDA event");
  return static_cast<double>(ms) * 1000;
}

}  // namespace intentd
