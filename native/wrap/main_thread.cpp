#include "wrap/main_thread.h"

#include <memory>

namespace intentd {
namespace {

using Work = std::function<void(Napi::Env)>;

void run(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Work> work(static_cast<Work*>(data));
  if (env == nullptr) return;  // JavaScript is ending: what waits is dropped.
  try {
    const Napi::HandleScope scope(env);
    (*work)(env);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  } catch (const std::exception& error) {
    napi_throw_error(env, "INTERNAL", error.what());
  }
}

void require(napi_status status, Napi::Env env) {
  if (status != napi_ok) throw Napi::Error::New(env, "Node-API gives no way back to JavaScript's thread.");
}

}  // namespace

MainThread::MainThread(Napi::Env env) : env_(env) {
  require(napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "intentd_native"), 0, 1, nullptr,
                                          nullptr, nullptr, run, &function_),
          env);
  require(napi_unref_threadsafe_function(env, function_), env);
}

MainThread::~MainThread() { napi_release_threadsafe_function(function_, napi_tsfn_abort); }

void MainThread::post(Work work) noexcept {
  std::unique_ptr<Work> waiting(new (std::nothrow) Work(std::move(work)));
  if (waiting && napi_call_threadsafe_function(function_, waiting.get(), napi_tsfn_nonblocking) == napi_ok) waiting.release();
}

void MainThread::hold() {
  if (held_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void MainThread::release() {
  if (--held_ == 0) napi_unref_threadsafe_function(env_, function_);
}

void callBack(Napi::Env env, const Napi::FunctionReference& function, const std::vector<napi_value>& arguments) noexcept {
  // Not by Napi::Function, which takes an end of JavaScript inside the call for an exception and ends the process.
  napi_value result = nullptr;
  napi_value thrown = nullptr;
  if (napi_call_function(env, env.Undefined(), function.Value(), arguments.size(), arguments.data(), &result) == napi_ok) return;
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

}  // namespace intentd
