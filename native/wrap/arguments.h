#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/builder.h"

namespace intentd {

/** @throws Error `BAD_ARGUMENT`: `function: what must be …` */
[[noreturn]] void refuse(const std::string& what, const std::string& expected);

/** Values from JavaScript, each checked for type and range; `what` names it in the error. All are copied. */
Bytes readBytes(const Napi::Value& value, const std::string& what);
std::string readText(const Napi::Value& value, const std::string& what);
bool readBool(const Napi::Value& value, const std::string& what);
/** A whole number from `least` to `most`. */
int64_t readInteger(const Napi::Value& value, const std::string& what, int64_t least, int64_t most);
Napi::Function readFunction(const Napi::Value& value, const std::string& what);
Napi::Object readObject(const Napi::Value& value, const std::string& what);
Napi::Array readArray(const Napi::Value& value, const std::string& what, uint32_t least, uint32_t most);
/** A typed array of exactly that many elements. */
Napi::Int32Array readInt32s(const Napi::Value& value, const std::string& what, size_t length);
Napi::Float32Array readFloat32s(const Napi::Value& value, const std::string& what, size_t length);
/** Batch and sequence, each within what an engine of intentd's can have. */
Shape checkShape(const Napi::Value& batch, const Napi::Value& sequence, const std::string& what);

}  // namespace intentd
