#include "engine/tensorrt_library.h"

#include <cstdlib>

#include "cuda_raii/shared_library.h"
#include "engine/log.h"

namespace intentd {
namespace {

constexpr int major = NV_TENSORRT_MAJOR;
const std::string ending = ".so." + std::to_string(major);

/** Where a library of TensorRT's is opened from: `folder/` of TENSORRT_ROOT, or `''` for the loader's places. */
std::string findFolder() {
  const auto folders = libraryFolders("TENSORRT_ROOT");
  if (folders.empty()) return "";
  for (const std::string& folder : folders) {
    if (fileExists(folder + "/libnvinfer" + ending)) return folder + "/";
  }
  for (const std::string& folder : folders) {
    for (const char* other : {"8", "10", "11", "12"}) {
      if (!fileExists(folder + "/libnvinfer.so." + other)) continue;
      throw Error(Code::wrongVersion, folder + " holds TensorRT " + other + ", and this addon is built for TensorRT " +
                                          std::to_string(major) + ": build the addon with that TensorRT's headers.");
    }
  }
  throw Error(Code::noTensorRt, "TENSORRT_ROOT names " + folders.back() + ", which holds no libnvinfer" + ending +
                                    ", nor do lib and lib64 in it.");
}

std::string versionText(int version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

SharedLibrary openTensorRt(const std::string& name) {
  std::string why;
  if (auto library = SharedLibrary::open(name, why)) return *library;
  for (const char* other : {"11", "10", "8"}) {
    std::string ignored;
    if (std::to_string(major) == other || name.find('/') != std::string::npos) continue;
    if (!SharedLibrary::open(std::string("libnvinfer.so.") + other, ignored)) continue;
    throw Error(Code::wrongVersion, std::string("TensorRT ") + other + " is installed, and this addon is built for " +
                                        std::to_string(major) + ": build the addon with that TensorRT's headers.");
  }
  throw Error(Code::noTensorRt, "TensorRT cannot be opened (" + why +
                                    "); install it (on a Jetson the package tensorrt), or name its folder in TENSORRT_ROOT.");
}

template <typename Function>
Function required(const SharedLibrary& library, const std::string& name, const char* function) {
  const auto found = library.find<Function>(function);
  if (found == nullptr) throw Error(Code::wrongVersion, name + " has no " + function + ": it is not TensorRT " + std::to_string(major) + ".");
  return found;
}

}  // namespace

const TensorRt& TensorRt::open() {
  static const TensorRt opened = openLibrary();  // Tried again by the next caller if it throws.
  return opened;
}

TensorRt TensorRt::openLibrary() {
  TensorRt opened;
  opened.folder_ = findFolder();
  const std::string name = opened.folder_ + "libnvinfer" + ending;
  const SharedLibrary library = openTensorRt(name);
  opened.version_ = required<int32_t (*)()>(library, name, "getInferLibVersion")();
  if (opened.version_ / 10000 != major || opened.version_ < 100300) {
    throw Error(Code::wrongVersion, name + " is TensorRT " + versionText(opened.version_) + ", and this addon needs " +
                                        (major == 10 ? "10.3 or a later 10.x." : std::to_string(major) + ".x."));
  }
  opened.createBuilder_ = required<decltype(createBuilder_)>(library, name, "createInferBuilder_INTERNAL");
  opened.createRuntime_ = required<decltype(createRuntime_)>(library, name, "createInferRuntime_INTERNAL");
  opened.getPluginRegistry_ = required<decltype(getPluginRegistry_)>(library, name, "getPluginRegistry");
  return opened;
}

std::string TensorRt::version() const { return versionText(version_); }

nvinfer1::IPluginRegistry& TensorRt::plugins() const {
  nvinfer1::IPluginRegistry* const registry = getPluginRegistry_();
  if (registry == nullptr) throw Error(Code::plugin, "TensorRT gives no plugin registry.");
  return *registry;
}

std::unique_ptr<nvinfer1::IBuilder> TensorRt::makeBuilder() const {
  const uint64_t mark = Log::instance().mark();
  std::unique_ptr<nvinfer1::IBuilder> builder(
      static_cast<nvinfer1::IBuilder*>(createBuilder_(&Log::instance(), NV_TENSORRT_VERSION)));
  if (!builder) {
    // The builder opens its kernels by a bare name, which no soname answers: only the loader's own places are searched.
    const std::string advice = folder_.empty() ? "" : " (is " + folder_ + " in LD_LIBRARY_PATH? It has to be from the start)";
    throw failure(Code::buildFailed, "TensorRT gives no builder" + advice, mark);
  }
  return builder;
}

std::unique_ptr<nvonnxparser::IParser> TensorRt::makeParser(nvinfer1::INetworkDefinition& network) const {
  const std::string name = folder_ + "libnvonnxparser" + ending;
  std::string why;
  const auto library = SharedLibrary::open(name, why);
  if (!library) throw Error(Code::noTensorRt, "TensorRT's ONNX parser cannot be opened: " + why + ".");
  const auto create = required<void* (*)(void*, void*, int)>(*library, name, "createNvOnnxParser_INTERNAL");
  const uint64_t mark = Log::instance().mark();
  std::unique_ptr<nvonnxparser::IParser> parser(
      static_cast<nvonnxparser::IParser*>(create(&network, &Log::instance(), NV_ONNX_PARSER_VERSION)));
  if (!parser) throw failure(Code::parseFailed, "TensorRT gives no ONNX parser", mark);
  return parser;
}

std::unique_ptr<nvinfer1::IRuntime> TensorRt::makeRuntime() const {
  const uint64_t mark = Log::instance().mark();
  std::unique_ptr<nvinfer1::IRuntime> runtime(
      static_cast<nvinfer1::IRuntime*>(createRuntime_(&Log::instance(), NV_TENSORRT_VERSION)));
  if (!runtime) throw failure(Code::badEngine, "TensorRT gives no runtime", mark);
  return runtime;
}

}  // namespace intentd
