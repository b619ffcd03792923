#include "wrap/addon_state.h"

#include <limits>

#include "engine/log.h"
#include "wrap/arguments.h"

namespace intentd {
namespace {

/** The cleanup hook deletes the state, which is earlier than Node-API would. */
void keep(Napi::Env, AddonState*) {}

}  // namespace

void AddonState::attach(Napi::Env env) {
  auto* const state = new AddonState(env);
  env.SetInstanceData<AddonState, keep>(state);
  // Before Node-API takes the way back away: the threads post to it until they end.
  env.AddCleanupHook([state] { delete state; });
}

AddonState& AddonState::of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }

AddonState::~AddonState() {
  Log::instance().setSink(nullptr);
  for (const auto& build : builds_) *build.first->cancelled = true;
}

void AddonState::setLogSink(const Napi::Function& sink) {
  Log::instance().setSink(nullptr);
  if (logSink_) logSink_->Reset();
  logSink_.reset();
  if (sink.IsEmpty()) return;

  const auto held = std::make_shared<Napi::FunctionReference>(Napi::Persistent(sink));
  held->SuppressDestruct();  // The last copy may die on another thread; it is reset on this one.
  logSink_ = held;
  Log::instance().setSink([this, held](const char* level, const std::string& message) {
    main_.post([held, level, message](Napi::Env env) {
      if (!held->IsEmpty()) callBack(env, *held, {Napi::String::New(env, level), Napi::String::New(env, message)});
    });
  });
}

BuildSlot& AddonState::startBuild() {
  auto build = std::make_unique<BuildSlot>();
  BuildSlot& started = *build;
  builds_.emplace(&started, std::move(build));
  main_.hold();
  return started;
}

void AddonState::endBuild(BuildSlot& build) {
  builds_.erase(&build);
  main_.release();
}

EngineSlot& AddonState::addEngine() {
  auto engine = std::make_unique<EngineSlot>(main_);
  EngineSlot& added = *engine;
  engines_.emplace(&added, std::move(engine));
  return added;
}

int AddonState::giveHandle(EngineSlot& engine) {
  handles_.emplace(++given_, &engine);
  return given_;
}

int AddonState::checkHandle(const Napi::Value& value) const {
  const auto handle = readInteger(value, "engine", 1, std::numeric_limits<int>::max());
  if (handle > given_) refuse("engine", "a number that loadEngine gave");
  if (handles_.count(static_cast<int>(handle)) == 0) throw Error(Code::unloaded, "This engine has been unloaded.");
  return static_cast<int>(handle);
}

EngineSlot& AddonState::engine(const Napi::Value& handle) const { return *handles_.at(checkHandle(handle)); }

EngineSlot& AddonState::takeHandle(const Napi::Value& value) {
  const int handle = checkHandle(value);
  EngineSlot& engine = *handles_.at(handle);
  handles_.erase(handle);
  return engine;
}

void AddonState::dropEngine(EngineSlot& engine) { engines_.erase(&engine); }

}  // namespace intentd
