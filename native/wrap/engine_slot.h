#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/loaded_engine.h"
#include "result/error.h"
#include "wrap/main_thread.h"
#include "wrap/work_thread.h"

namespace intentd {

/** One inference on its way; kept for the next, so that steady work allocates no buffers. */
struct InferJob {
  Batch batch;
  std::vector<float> embeddings;
  double gpuUs;
  std::optional<Error> error;
  Napi::Reference<Napi::Float32Array> out;
  std::optional<Napi::Promise::Deferred> promise;
};

/** An engine, the thread that it lives on, and the jobs that it is given. */
class EngineSlot {
 public:
  explicit EngineSlot(MainThread& main) : main_(main) {}
  ~EngineSlot();

  /**
   * Runs `work` on the engine's thread and then `settle` on JavaScript's, with the error if there was one.
   * `work` is given the engine, which the load makes and the unload resets.
   */
  void run(std::function<void(std::unique_ptr<LoadedEngine>&)> work,
           std::function<void(Napi::Env, const std::optional<Error>&)> settle);
  void infer(InferJob& job);

  /** On JavaScript's thread, between the load and the unload. */
  const LoadedEngine& engine() const noexcept { return *engine_; }
  InferJob& takeJob();
  void giveBack(InferJob& job);

 private:
  void settleInference(Napi::Env env, InferJob& job);

  MainThread& main_;
  std::unique_ptr<LoadedEngine> engine_;
  std::vector<std::unique_ptr<InferJob>> jobs_;
  std::vector<InferJob*> idle_;
  WorkThread thread_;  // The last: it ends before what it uses.
};

}  // namespace intentd
