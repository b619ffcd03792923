#pragma once

#include <napi.h>

#include <atomic>
#include <map>
#include <memory>

#include "wrap/engine_slot.h"
#include "wrap/main_thread.h"
#include "wrap/work_thread.h"

namespace intentd {

/** One running build. */
struct BuildSlot {
  /** Shared with JavaScript's `cancel`, which may outlive the build. */
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  WorkThread thread;
};

/** What one loading of the addon holds; on JavaScript's thread only. Ends with JavaScript, builds and engines with it. */
class AddonState {
 public:
  static void attach(Napi::Env env);
  static AddonState& of(Napi::Env env);

  MainThread& main() noexcept { return main_; }

  /** Gives TensorRT's log lines to a function, or with an empty one to nobody. */
  void setLogSink(const Napi::Function& sink);

  BuildSlot& startBuild();
  void endBuild(BuildSlot& build);

  /** A place for an engine that is yet to be loaded, on a thread of its own. */
  EngineSlot& addEngine();
  int giveHandle(EngineSlot& engine);
  /** @throws Error `UNLOADED`, `BAD_ARGUMENT` */
  EngineSlot& engine(const Napi::Value& handle) const;
  /** The same, and later calls with that handle are refused. */
  EngineSlot& takeHandle(const Napi::Value& handle);
  /** Once nothing is left for its thread to do. */
  void dropEngine(EngineSlot& engine);

 private:
  explicit AddonState(Napi::Env env) : main_(env) {}
  ~AddonState();
  int checkHandle(const Napi::Value& handle) const;

  MainThread main_;
  std::shared_ptr<Napi::FunctionReference> logSink_;
  std::map<BuildSlot*, std::unique_ptr<BuildSlot>> builds_;
  std::map<EngineSlot*, std::unique_ptr<EngineSlot>> engines_;
  std::map<int, EngineSlot*> handles_;
  int given_ = 0;
};

}  // namespace intentd
