#pragma once

#include <napi.h>

#include <exception>

#include "result/error.h"

namespace intentd {

/** Whatever was caught, as the one error. */
Error asError(std::exception_ptr caught) noexcept;

/** A JavaScript `Error` with `code`. */
Napi::Error toJs(Napi::Env env, const Error& error);

template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return Function(info);
  } catch (const Napi::Error&) {
    throw;  // JavaScript's own, thrown by a getter of an argument.
  } catch (...) {
    throw toJs(info.Env(), asError(std::current_exception()));
  }
}

/** The function for JavaScript: what it throws has the one shape. */
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
Napi::Function guardedFunction(Napi::Env env, const char* name) {
  return Napi::Function::New<guarded<Function>>(env, name);
}

}  // namespace intentd
