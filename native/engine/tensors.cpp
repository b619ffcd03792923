#include "engine/tensors.h"

#include "result/error.h"

namespace intentd {
namespace {

/** One input or output, however it was found. */
struct Found {
  const char* name;
  bool input;
  nvinfer1::DataType type;
  nvinfer1::Dims shape;
};

Tensors sortOut(const std::vector<Found>& all, Code code) {
  Tensors tensors{"", "", "", 0};
  for (const Found& one : all) {
    const bool int32 = one.type == nvinfer1::DataType::kINT32;
    const bool float32 = one.type == nvinfer1::DataType::kFLOAT;
    if (one.input && int32 && one.shape.nbDims == 2 && tensors.tokens.empty()) {
      tensors.tokens = one.name;
    } else if (one.input && int32 && one.shape.nbDims == 1 && tensors.lengths.empty()) {
      tensors.lengths = one.name;
    } else if (!one.input && float32 && one.shape.nbDims == 2 && one.shape.d[1] > 0 && tensors.embedding.empty()) {
      tensors.embedding = one.name;
      tensors.hidden = static_cast<int>(one.shape.d[1]);
    } else {
      throw Error(code, std::string("It is no encoder of intentd's: the ") + (one.input ? "input " : "output ") +
                            one.name + " is none of int32 tokens [B, S], int32 lengths [B], float32 embedding [B, hidden].");
    }
  }
  if (tensors.tokens.empty() || tensors.lengths.empty() || tensors.embedding.empty()) {
    throw Error(code, "It is no encoder of intentd's: it needs int32 tokens [B, S] and int32 lengths [B] in, and "
                      "float32 [B, hidden] out.");
  }
  return tensors;
}

Shape shapeOf(const nvinfer1::Dims& dims) noexcept {
  return {static_cast<int>(dims.d[0]), static_cast<int>(dims.d[1])};
}

}  // namespace

bool holds(const Profile& profile, const Shape& shape) noexcept {
  return shape.batch >= profile.min.batch && shape.batch <= profile.max.batch &&
         shape.sequence >= profile.min.sequence && shape.sequence <= profile.max.sequence;
}

Tensors tensorsOf(const nvinfer1::INetworkDefinition& network) {
  std::vector<Found> all;
  for (int i = 0; i < network.getNbInputs(); i++) {
    const nvinfer1::ITensor* one = network.getInput(i);
    all.push_back({one->getName(), true, one->getType(), one->getDimensions()});
  }
  for (int i = 0; i < network.getNbOutputs(); i++) {
    const nvinfer1::ITensor* one = network.getOutput(i);
    all.push_back({one->getName(), false, one->getType(), one->getDimensions()});
  }
  return sortOut(all, Code::parseFailed);
}

Tensors tensorsOf(const nvinfer1::ICudaEngine& engine) {
  std::vector<Found> all;
  for (int i = 0; i < engine.getNbIOTensors(); i++) {
    const char* name = engine.getIOTensorName(i);
    const bool input = engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
    all.push_back({name, input, engine.getTensorDataType(name), engine.getTensorShape(name)});
  }
  return sortOut(all, Code::badEngine);
}

std::vector<Profile> profilesOf(const nvinfer1::ICudaEngine& engine, const Tensors& tensors) {
  using Selector = nvinfer1::OptProfileSelector;
  std::vector<Profile> profiles;
  for (int i = 0; i < engine.getNbOptimizationProfiles(); i++) {
    const auto shape = [&](Selector which) { return shapeOf(engine.getProfileShape(tensors.tokens.c_str(), i, which)); };
    profiles.push_back({shape(Selector::kMIN), shape(Selector::kOPT), shape(Selector::kMAX)});
  }
  return profiles;
}

nvinfer1::Dims tokensShape(const Shape& shape) noexcept { return nvinfer1::Dims2(shape.batch, shape.sequence); }

nvinfer1::Dims lengthsShape(const Shape& shape) noexcept {
  nvinfer1::Dims dims{};
  dims.nbDims = 1;
  dims.d[0] = shape.batch;
  return dims;
}

std::string inWords(const Shape& shape) { return std::to_string(shape.batch) + "x" + std::to_string(shape.sequence); }

}  // namespace intentd
