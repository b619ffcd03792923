#include "wrap/boundary.h"

#include <new>

namespace intentd {

Error asError(std::exception_ptr caught) noexcept {
  try {
    std::rethrow_exception(caught);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(Code::outOfMemory, "There is not enough memory.");
  } catch (const std::exception& error) {
    return Error(Code::internal, error.what());
  } catch (...) {
    return Error(Code::internal, "Something was thrown that is no exception.");
  }
}

Napi::Error toJs(Napi::Env env, const Error& error) {
  Napi::Error made = Napi::Error::New(env, error.what());
  made.Set("code", Napi::String::New(env, nameOf(error.code())));
  return made;
}

}  // namespace intentd
