#include "wrap/addon_state.h"
#include "wrap/arguments.h"
#include "wrap/boundary.h"
#include "wrap/functions.h"

namespace intentd {
namespace {

constexpr uint32_t mostBuckets = 256;
constexpr int64_t mostRepeats = 1000000;

std::vector<Shape> readBuckets(const Napi::Value& value) {
  const std::string what = "loadEngine: options.buckets";
  const Napi::Array buckets = readArray(value, what, 1, mostBuckets);
  std::vector<Shape> shapes;
  for (uint32_t i = 0; i < buckets.Length(); i++) {
    const std::string one = what + "[" + std::to_string(i) + "]";
    const Napi::Object bucket = readObject(buckets.Get(i), one);
    shapes.push_back(checkShape(bucket.Get("batch"), bucket.Get("sequence"), one));
  }
  return shapes;
}

Napi::Array toJs(Napi::Env env, const Shape& shape) {
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, shape.batch);
  pair.Set(1u, shape.sequence);
  return pair;
}

Napi::Array toJs(Napi::Env env, const std::vector<Profile>& profiles) {
  Napi::Array all = Napi::Array::New(env, profiles.size());
  for (uint32_t i = 0; i < profiles.size(); i++) {
    Napi::Object profile = Napi::Object::New(env);
    profile.Set("min", toJs(env, profiles[i].min));
    profile.Set("opt", toJs(env, profiles[i].opt));
    profile.Set("max", toJs(env, profiles[i].max));
    all.Set(i, profile);
  }
  return all;
}

}  // namespace

Napi::Value loadEngine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = readObject(info[1], "loadEngine: options");
  const auto buckets = readBuckets(options.Get("buckets"));
  const bool graphs = readBool(options.Get("graphs"), "loadEngine: options.graphs");
  const auto plan = std::make_shared<Bytes>(readBytes(info[0], "loadEngine: plan"));

  AddonState& state = AddonState::of(env);
  EngineSlot& slot = state.addEngine();
  const auto promise = Napi::Promise::Deferred::New(env);
  slot.run(
      [plan, buckets, graphs](std::unique_ptr<LoadedEngine>& engine) {
        engine = std::make_unique<LoadedEngine>(*plan, buckets, graphs);
        Bytes().swap(*plan);
      },
      [&state, &slot, promise](Napi::Env settling, const std::optional<Error>& error) {
        if (!error) return promise.Resolve(Napi::Number::New(settling, state.giveHandle(slot)));
        state.dropEngine(slot);
        promise.Reject(toJs(settling, *error).Value());
      });
  return promise.Promise();
}

Napi::Value engineInfo(const Napi::CallbackInfo& info) {
  const LoadedEngine& engine = AddonState::of(info.Env()).engine(info[0]).engine();
  Napi::Object told = Napi::Object::New(info.Env());
  told.Set("layers", engine.layers());
  told.Set("planBytes", static_cast<double>(engine.planBytes()));
  told.Set("deviceBytes", static_cast<double>(engine.deviceBytes()));
  told.Set("activationBytes", static_cast<double>(engine.activationBytes()));
  told.Set("hidden", engine.hidden());
  told.Set("profiles", toJs(info.Env(), engine.profiles()));
  return told;
}

Napi::Value warmUp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Shape bucket = checkShape(info[1], info[2], "warmup:");
  const int repeats = static_cast<int>(readInteger(info[3], "warmup: repeats", 1, mostRepeats));
  EngineSlot& slot = AddonState::of(env).engine(info[0]);
  if (!slot.engine().hasBucket(bucket)) refuse("warmup: " + inWords(bucket), "a bucket: " + slot.engine().bucketsInWords());

  const auto promise = Napi::Promise::Deferred::New(env);
  const auto times = std::make_shared<std::vector<double>>();
  slot.run([bucket, repeats, times](std::unique_ptr<LoadedEngine>& engine) { *times = engine->warmUp(bucket, repeats); },
           [promise, times](Napi::Env settling, const std::optional<Error>& error) {
             if (error) return promise.Reject(toJs(settling, *error).Value());
             Napi::Float64Array us = Napi::Float64Array::New(settling, times->size());
             std::copy(times->begin(), times->end(), us.Data());
             promise.Resolve(us);
           });
  return promise.Promise();
}

Napi::Value unloadEngine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  AddonState& state = AddonState::of(env);
  EngineSlot& slot = state.takeHandle(info[0]);
  const auto promise = Napi::Promise::Deferred::New(env);
  slot.run([](std::unique_ptr<LoadedEngine>& engine) { engine.reset(); },
           [&state, &slot, promise](Napi::Env settling, const std::optional<Error>& error) {
             state.dropEngine(slot);
             if (error) return promise.Reject(toJs(settling, *error).Value());
             promise.Resolve(settling.Undefined());
           });
  return promise.Promise();
}

}  // namespace intentd
