#pragma once

#include <napi.h>

namespace intentd {

// The boundary, as src/engine/tensorrt/addon.ts describes it. Each throws Error or Napi::Error.

Napi::Value runtimeInfoToJs(const Napi::CallbackInfo& info);
Napi::Value setLogSink(const Napi::CallbackInfo& info);
Napi::Value loadPlugins(const Napi::CallbackInfo& info);
Napi::Value startBuild(const Napi::CallbackInfo& info);
Napi::Value loadEngine(const Napi::CallbackInfo& info);
Napi::Value engineInfo(const Napi::CallbackInfo& info);
Napi::Value warmUp(const Napi::CallbackInfo& info);
Napi::Value infer(const Napi::CallbackInfo& info);
Napi::Value unloadEngine(const Napi::CallbackInfo& info);
Napi::Value readGpuEnergy(const Napi::CallbackInfo& info);

}  // namespace intentd
