#include "wrap/engine_slot.h"

#include <algorithm>

#include "wrap/boundary.h"

namespace intentd {

EngineSlot::~EngineSlot() {
  thread_.post([this] { engine_.reset(); });  // On its own thread, where the CUDA context is current.
}

void EngineSlot::run(std::function<void(std::unique_ptr<LoadedEngine>&)> work,
                     std::function<void(Napi::Env, const std::optional<Error>&)> settle) {
  main_.hold();
  thread_.post([this, work = std::move(work), settle = std::move(settle)] {
    std::optional<Error> error;
    try {
      work(engine_);
    } catch (...) {
      error = asError(std::current_exception());
    }
    main_.post([&main = main_, settle, error](Napi::Env env) {
      main.release();
      settle(env, error);
    });
  });
}

void EngineSlot::infer(InferJob& job) {
  main_.hold();
  thread_.post([this, &job] {
    try {
      job.gpuUs = engine_->infer(job.batch, job.embeddings.data());
    } catch (...) {
      job.error = asError(std::current_exception());
    }
    main_.post([this, &job](Napi::Env env) { settleInference(env, job); });
  });
}

InferJob& EngineSlot::takeJob() {
  if (idle_.empty()) {
    jobs_.push_back(std::make_unique<InferJob>());
    return *jobs_.back();
  }
  InferJob& job = *idle_.back();
  idle_.pop_back();
  return job;
}

void EngineSlot::giveBack(InferJob& job) {
  job.out.Reset();
  job.promise.reset();
  job.error.reset();
  idle_.push_back(&job);
}

void EngineSlot::settleInference(Napi::Env env, InferJob& job) {
  main_.release();
  Napi::Float32Array out = job.out.Value();
  if (!job.error && out.ElementLength() != job.embeddings.size()) {
    job.error = Error(Code::badArgument, "infer: out was detached while the engine ran.");
  }
  if (job.error) {
    job.promise->Reject(toJs(env, *job.error).Value());
  } else {
    std::copy(job.embeddings.begin(), job.embeddings.end(), out.Data());
    job.promise->Resolve(Napi::Number::New(env, job.gpuUs));
  }
  giveBack(job);
}

}  // namespace intentd
