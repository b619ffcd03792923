#pragma once

#include <NvInfer.h>

#include <string>
#include <vector>

namespace intentd {

/** Batch and sequence. */
struct Shape {
  int batch;
  int sequence;
};

struct Profile {
  Shape min;
  Shape opt;
  Shape max;
};

/** Whether a profile takes a shape. */
bool holds(const Profile& profile, const Shape& shape) noexcept;

/** The tensors of an encoder: `tokens` int32 `[B, S]` and `lengths` int32 `[B]` in, float32 `[B, hidden]` out. */
struct Tensors {
  std::string tokens;
  std::string lengths;
  std::string embedding;
  int hidden;
};

/** Which tensor is which, by kind and rank. @throws Error `PARSE_FAILED`, `BAD_ENGINE` if it is no encoder. */
Tensors tensorsOf(const nvinfer1::INetworkDefinition& network);
Tensors tensorsOf(const nvinfer1::ICudaEngine& engine);

std::vector<Profile> profilesOf(const nvinfer1::ICudaEngine& engine, const Tensors& tensors);

nvinfer1::Dims tokensShape(const Shape& shape) noexcept;
nvinfer1::Dims lengthsShape(const Shape& shape) noexcept;

/** e.g. `4x16` */
std::string inWords(const Shape& shape);

}  // namespace intentd
