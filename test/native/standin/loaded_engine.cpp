// Stands in for a TensorRT engine: its plan is the text "engine", an embedding holds what went into it. Buckets stand
// as profiles, for there are no contexts.

#include "engine/loaded_engine.h"

#include <chrono>
#include <string>
#include <thread>

#include "engine/log.h"

namespace intentd {

LoadedEngine::LoadedEngine(const Bytes& plan, const std::vector<Shape>& buckets, bool) : planBytes_(plan.size()) {
  if (std::string(plan.begin(), plan.end()) != "engine") throw Error(Code::badEngine, "The stand-in does not take this.");
  for (const Shape& bucket : buckets) profiles_.push_back({{1, 1}, bucket, bucket});
  tensors_.hidden = 4;
}

/** Of each row: the sum of its tokens, its length, the batch's size and sequence. */
double LoadedEngine::infer(const Batch& batch, float* embeddings) {
  std::this_thread::sleep_for(std::chrono::microseconds(200));
  const auto [size, sequence] = batch.shape;
  for (int row = 0; row < size; row++) {
    int sum = 0;
    for (int i = 0; i < batch.lengths[row]; i++) sum += batch.tokens[row * sequence + i];
    const int values[] = {sum, batch.lengths[row], size, sequence};
    for (int i = 0; i < 4; i++) embeddings[row * 4 + i] = static_cast<float>(values[i]);
  }
  return 200;
}

std::vector<double> LoadedEngine::warmUp(const Shape&, int repeats) { return std::vector<double>(repeats, 200); }

bool LoadedEngine::hasBucket(const Shape& shape) const noexcept {
  for (const Profile& bucket : profiles_) {
    if (bucket.max.batch == shape.batch && bucket.max.sequence == shape.sequence) return true;
  }
  return false;
}

Bucket* LoadedEngine::nearest(const Shape& batch) const noexcept {
  static Bucket* const some = reinterpret_cast<Bucket*>(alignof(Bucket));  // Only ever compared with null.
  for (const Profile& bucket : profiles_) {
    if (holds(bucket, batch)) return some;
  }
  return nullptr;
}

std::string LoadedEngine::bucketsInWords() const {
  std::string words;
  for (const Profile& bucket : profiles_) words += (words.empty() ? "" : ", ") + inWords(bucket.max);
  return words;
}

std::string LoadedEngine::layers() const { return "{\"Layers\":[]}"; }

}  // namespace intentd
