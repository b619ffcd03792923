#pragma once

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <memory>
#include <string>

namespace intentd {

/** TensorRT, opened at run time; only what 10.3 has is called, so one binary serves every later 10.x. */
class TensorRt {
 public:
  /**
   * TensorRT, opened on first use: in the folder TENSORRT_ROOT if that is set, else where the loader looks.
   *
   * @throws Error `NO_TENSORRT`, `WRONG_VERSION`
   */
  static const TensorRt& open();

  /** e.g. `10.6.0` */
  std::string version() const;
  nvinfer1::IPluginRegistry& plugins() const;

  /** @throws Error `BUILD_FAILED`, `PARSE_FAILED`, `BAD_ENGINE` with TensorRT's words. */
  std::unique_ptr<nvinfer1::IBuilder> makeBuilder() const;
  std::unique_ptr<nvonnxparser::IParser> makeParser(nvinfer1::INetworkDefinition& network) const;
  std::unique_ptr<nvinfer1::IRuntime> makeRuntime() const;

 private:
  TensorRt() = default;
  static TensorRt openLibrary();

  std::string folder_;
  int version_ = 0;
  void* (*createBuilder_)(void* logger, int32_t version) = nullptr;
  void* (*createRuntime_)(void* logger, int32_t version) = nullptr;
  nvinfer1::IPluginRegistry* (*getPluginRegistry_)() = nullptr;
};

}  // namespace intentd
