#include <cstring>

#include "wrap/addon_state.h"
#include "wrap/arguments.h"
#include "wrap/boundary.h"
#include "wrap/functions.h"

namespace intentd {
namespace {

constexpr int64_t mostBytes = int64_t{1} << 40;

Shape readShape(const Napi::Value& value, const std::string& what) {
  const Napi::Array pair = readArray(value, what, 2, 2);
  return checkShape(pair.Get(0u), pair.Get(1u), what);
}

Profile readProfile(const Napi::Value& value, const std::string& what) {
  const Napi::Object object = readObject(value, what);
  const Profile profile{readShape(object.Get("min"), what + ".min"), readShape(object.Get("opt"), what + ".opt"),
                        readShape(object.Get("max"), what + ".max")};
  if (!holds(profile, profile.opt) || !holds(profile, profile.min)) refuse(what, "min ≤ opt ≤ max");
  return profile;
}

BuildRequest readRequest(const Napi::CallbackInfo& info) {
  const std::string options = "buildEngine: options";
  BuildRequest request{};
  const Napi::Object given = readObject(info[1], options);
  const Napi::Array profiles = readArray(given.Get("profiles"), options + ".profiles", 1, 3);
  for (uint32_t i = 0; i < profiles.Length(); i++) {
    request.profiles.push_back(readProfile(profiles.Get(i), options + ".profiles[" + std::to_string(i) + "]"));
  }
  request.sparse = readBool(given.Get("sparse"), options + ".sparse");
  request.workspaceBytes = static_cast<size_t>(readInteger(given.Get("workspaceBytes"), options + ".workspaceBytes", 1, mostBytes));
  request.builderLevel = static_cast<int>(readInteger(given.Get("builderLevel"), options + ".builderLevel", 0, 5));
  request.detailedProfiling = readBool(given.Get("detailedProfiling"), options + ".detailedProfiling");
  const Napi::Value cache = given.Get("timingCache");
  if (!cache.IsUndefined()) request.timingCache = readBytes(cache, options + ".timingCache");
  request.onnx = readBytes(info[0], "buildEngine: onnx");
  return request;
}

Napi::Uint8Array toJs(Napi::Env env, const Bytes& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  std::memcpy(array.Data(), bytes.data(), bytes.size());
  return array;
}

Napi::Object toJs(Napi::Env env, const Progress& progress) {
  Napi::Object told = Napi::Object::New(env);
  told.Set("phase", progress.phase);
  told.Set("step", progress.step);
  told.Set("steps", progress.steps);
  told.Set("depth", progress.depth);
  return told;
}

/** The build's end, on JavaScript's thread. */
void settle(Napi::Env env, const Napi::Promise::Deferred& promise, const BuildResult& result,
            const std::optional<Error>& error) {
  if (error) {
    promise.Reject(toJs(env, *error).Value());
    return;
  }
  Napi::Object built = Napi::Object::New(env);
  built.Set("plan", toJs(env, result.plan));
  built.Set("timingCache", toJs(env, result.timingCache));
  built.Set("buildMs", result.buildMs);
  promise.Resolve(built);
}

using Sink = std::shared_ptr<Napi::FunctionReference>;

void run(AddonState& state, BuildSlot& build, const BuildRequest& request, const Sink& sink,
         const Napi::Promise::Deferred& promise) {
  const auto result = std::make_shared<BuildResult>();
  std::optional<Error> error;
  const auto tell = [&state, sink](const Progress& progress) {
    state.main().post([sink, progress](Napi::Env env) { callBack(env, *sink, {toJs(env, progress)}); });
  };
  try {
    *result = buildEngine(request, tell, *build.cancelled);
  } catch (...) {
    error = asError(std::current_exception());
  }
  state.main().post([&state, &build, sink, promise, result, error](Napi::Env env) {
    state.endBuild(build);
    sink->Reset();
    settle(env, promise, *result, error);
  });
}

}  // namespace

Napi::Value startBuild(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto request = std::make_shared<const BuildRequest>(readRequest(info));
  const auto sink = std::make_shared<Napi::FunctionReference>(Napi::Persistent(readFunction(info[2], "buildEngine: onProgress")));
  sink->SuppressDestruct();  // The last copy may die on another thread.
  const auto promise = Napi::Promise::Deferred::New(env);

  AddonState& state = AddonState::of(env);
  BuildSlot& build = state.startBuild();
  const auto cancelled = build.cancelled;
  build.thread.post([&state, &build, request, sink, promise] { run(state, build, *request, sink, promise); });

  Napi::Object started = Napi::Object::New(env);
  started.Set("done", promise.Promise());
  started.Set("cancel", Napi::Function::New(env, [cancelled](const Napi::CallbackInfo&) { *cancelled = true; }, "cancel"));
  return started;
}

}  // namespace intentd
