#include "engine/nvml.h"
#include "engine/plugin_library.h"
#include "engine/runtime_info.h"
#include "wrap/addon_state.h"
#include "wrap/arguments.h"
#include "wrap/functions.h"

namespace intentd {

Napi::Value runtimeInfoToJs(const Napi::CallbackInfo& info) {
  const RuntimeInfo found = runtimeInfo();
  Napi::Object told = Napi::Object::New(info.Env());
  told.Set("tensorrt", found.tensorrt);
  told.Set("cudaRuntime", found.cudaRuntime);
  told.Set("driver", found.driver);
  told.Set("cudaDriver", found.cudaDriver);
  told.Set("gpu", found.device.name);
  told.Set("sm", found.device.sm);
  told.Set("uuid", found.device.uuid);
  told.Set("memoryTotalBytes", static_cast<double>(found.device.totalBytes));
  told.Set("memoryFreeBytes", static_cast<double>(found.freeBytes));
  told.Set("unifiedMemory", found.device.unifiedMemory);
  return told;
}

Napi::Value setLogSink(const Napi::CallbackInfo& info) {
  const Napi::Value sink = info[0];
  if (!sink.IsNull() && !sink.IsFunction()) refuse("setLogSink: sink", "a function or null");
  AddonState::of(info.Env()).setLogSink(sink.IsNull() ? Napi::Function() : sink.As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value loadPlugins(const Napi::CallbackInfo& info) {
  loadPluginLibrary(readText(info[0], "loadPlugins: path"));
  return info.Env().Undefined();
}

Napi::Value readGpuEnergy(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), readGpuEnergyMj()); }

}  // namespace intentd
