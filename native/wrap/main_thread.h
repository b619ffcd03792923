#pragma once

#include <napi.h>

#include <functional>
#include <vector>

namespace intentd {

/** The way back to JavaScript's thread, for results, progress and log lines, in the order in which they come. */
class MainThread {
 public:
  explicit MainThread(Napi::Env env);
  /** Once it is gone nothing may post any more. */
  ~MainThread();
  MainThread(const MainThread&) = delete;
  MainThread& operator=(const MainThread&) = delete;

  /** From any thread; does nothing when JavaScript is ending. What JavaScript throws in it is an uncaught exception. */
  void post(std::function<void(Napi::Env)> work) noexcept;

  /** Keeps the process alive until as many have been released; on JavaScript's thread only. */
  void hold();
  void release();

 private:
  Napi::Env env_;
  napi_threadsafe_function function_ = nullptr;
  int held_ = 0;
};

/**
 * Calls a function of JavaScript's that nobody waits for. What it throws is an uncaught exception; when JavaScript is
 * ending under it, nothing happens.
 */
void callBack(Napi::Env env, const Napi::FunctionReference& function, const std::vector<napi_value>& arguments) noexcept;

}  // namespace intentd
