#include "engine/plugin_library.h"

#include <mutex>
#include <set>

#include "cuda_raii/shared_library.h"
#include "engine/log.h"
#include "engine/tensorrt_library.h"

namespace intentd {

void loadPluginLibrary(const std::string& path) {
  static std::mutex mutex;
  static std::set<std::string> loaded;
  const std::lock_guard<std::mutex> lock(mutex);
  if (loaded.count(path) != 0) return;

  nvinfer1::IPluginRegistry& registry = TensorRt::open().plugins();
  std::string why;  // The registry tells only that it failed: the loader's own words are kept.
  const auto library = SharedLibrary::open(path, why);
  if (!library) throw Error(Code::plugin, "The plugin library " + path + " cannot be opened: " + why + ".");
  if (library->find<void (*)()>("getCreators") == nullptr) {
    throw Error(Code::plugin, path + " is no TensorRT plugin library: it exports no getCreators.");
  }
  const uint64_t mark = Log::instance().mark();
  if (registry.loadLibrary(path.c_str()) == nullptr) {
    throw failure(Code::plugin, "TensorRT does not take the plugin library " + path, mark);
  }
  loaded.insert(path);
}

}  // namespace intentd
