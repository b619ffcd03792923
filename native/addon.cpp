#include <napi.h>

#include "wrap/addon_state.h"
#include "wrap/boundary.h"
#include "wrap/functions.h"

namespace {

Napi::Object registerFunctions(Napi::Env env, Napi::Object exports) {
  using namespace intentd;
  AddonState::attach(env);
  exports.Set("runtimeInfo", guardedFunction<runtimeInfoToJs>(env, "runtimeInfo"));
  exports.Set("setLogSink", guardedFunction<setLogSink>(env, "setLogSink"));
  exports.Set("loadPlugins", guardedFunction<loadPlugins>(env, "loadPlugins"));
  exports.Set("buildEngine", guardedFunction<startBuild>(env, "buildEngine"));
  exports.Set("loadEngine", guardedFunction<loadEngine>(env, "loadEngine"));
  exports.Set("engineInfo", guardedFunction<engineInfo>(env, "engineInfo"));
  exports.Set("warmup", guardedFunction<warmUp>(env, "warmup"));
  exports.Set("infer", guardedFunction<infer>(env, "infer"));
  exports.Set("unloadEngine", guardedFunction<unloadEngine>(env, "unloadEngine"));
  exports.Set("readGpuEnergy", guardedFunction<readGpuEnergy>(env, "readGpuEnergy"));
  return exports;
}

}  // namespace

NODE_API_MODULE(intentd_native, registerFunctions)
