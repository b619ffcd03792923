#include "wrap/addon_state.h"
#include "wrap/arguments.h"
#include "wrap/functions.h"

namespace intentd {
namespace {

void copyTokens(const Napi::Int32Array& ids, const Napi::Int32Array& lengths, Batch& batch) {
  const int32_t* token = ids.Data();
  for (size_t i = 0; i < ids.ElementLength(); i++) {
    if (token[i] < 0) refuse("infer: ids[" + std::to_string(i) + "]", "a token's number, 0 or more");
  }
  const int32_t* length = lengths.Data();
  for (size_t i = 0; i < lengths.ElementLength(); i++) {
    if (length[i] < 1 || length[i] > batch.shape.sequence) {
      refuse("infer: lengths[" + std::to_string(i) + "]", "1 to " + std::to_string(batch.shape.sequence));
    }
  }
  batch.tokens.assign(token, token + ids.ElementLength());
  batch.lengths.assign(length, length + lengths.ElementLength());
}

}  // namespace

Napi::Value infer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Shape shape = checkShape(info[3], info[4], "infer:");
  const auto size = static_cast<size_t>(shape.batch);
  const auto ids = readInt32s(info[1], "infer: ids", size * static_cast<size_t>(shape.sequence));
  const auto lengths = readInt32s(info[2], "infer: lengths", size);
  EngineSlot& slot = AddonState::of(env).engine(info[0]);
  const auto out = readFloat32s(info[5], "infer: out", size * static_cast<size_t>(slot.engine().hidden()));
  if (!slot.engine().fits(shape)) {
    refuse("infer: " + inWords(shape), "no larger than a bucket: " + slot.engine().bucketsInWords());
  }

  InferJob& job = slot.takeJob();
  try {
    job.batch.shape = shape;
    copyTokens(ids, lengths, job.batch);
  } catch (...) {
    slot.giveBack(job);
    throw;
  }
  job.embeddings.resize(out.ElementLength());
  job.out = Napi::Persistent(out);
  job.promise = Napi::Promise::Deferred::New(env);
  const Napi::Promise promise = job.promise->Promise();
  slot.infer(job);
  return promise;
}

}  // namespace intentd
