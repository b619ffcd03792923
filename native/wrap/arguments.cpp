#include "wrap/arguments.h"

#include <cmath>

#include "result/error.h"

namespace intentd {
namespace {

constexpr int64_t mostUtterances = 4096;
constexpr int64_t mostTokens = 8192;

template <typename Array>
Array readTyped(const Napi::Value& value, napi_typedarray_type type, const std::string& what, const char* name,
                size_t length) {
  const std::string expected = std::string("a ") + name + " of " + std::to_string(length) + " elements";
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) refuse(what, expected);
  if (value.As<Napi::TypedArray>().ElementLength() != length) refuse(what, expected);
  return value.As<Array>();
}

}  // namespace

void refuse(const std::string& what, const std::string& expected) {
  throw Error(Code::badArgument, what + " must be " + expected + ".");
}

Bytes readBytes(const Napi::Value& value, const std::string& what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    refuse(what, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  if (array.ElementLength() == 0) refuse(what, "a Uint8Array that is not empty");
  return Bytes(array.Data(), array.Data() + array.ElementLength());
}

std::string readText(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) refuse(what, "a string");
  const std::string text = value.As<Napi::String>().Utf8Value();
  if (text.empty() || text.find('\0') != std::string::npos) refuse(what, "a string that is not empty and has no NUL");
  return text;
}

bool readBool(const Napi::Value& value, const std::string& what) {
  if (!value.IsBoolean()) refuse(what, "true or false");
  return value.As<Napi::Boolean>().Value();
}

int64_t readInteger(const Napi::Value& value, const std::string& what, int64_t least, int64_t most) {
  const std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  if (!value.IsNumber()) refuse(what, expected);
  const double number = value.As<Napi::Number>().DoubleValue();
  const bool within = number >= static_cast<double>(least) && number <= static_cast<double>(most);  // NaN is not.
  if (!within || number != std::floor(number)) refuse(what, expected);
  return static_cast<int64_t>(number);
}

Napi::Function readFunction(const Napi::Value& value, const std::string& what) {
  if (!value.IsFunction()) refuse(what, "a function");
  return value.As<Napi::Function>();
}

Napi::Object readObject(const Napi::Value& value, const std::string& what) {
  if (!value.IsObject() || value.IsArray() || value.IsFunction()) refuse(what, "an object");
  return value.As<Napi::Object>();
}

Napi::Array readArray(const Napi::Value& value, const std::string& what, uint32_t least, uint32_t most) {
  const std::string expected =
      "an array of " + std::to_string(least) + (least == most ? "" : " to " + std::to_string(most)) + " elements";
  if (!value.IsArray()) refuse(what, expected);
  const auto array = value.As<Napi::Array>();
  if (array.Length() < least || array.Length() > most) refuse(what, expected);
  return array;
}

Napi::Int32Array readInt32s(const Napi::Value& value, const std::string& what, size_t length) {
  return readTyped<Napi::Int32Array>(value, napi_int32_array, what, "Int32Array", length);
}

Napi::Float32Array readFloat32s(const Napi::Value& value, const std::string& what, size_t length) {
  return readTyped<Napi::Float32Array>(value, napi_float32_array, what, "Float32Array", length);
}

Shape checkShape(const Napi::Value& batch, const Napi::Value& sequence, const std::string& what) {
  return {static_cast<int>(readInteger(batch, what + " batch", 1, mostUtterances)),
          static_cast<int>(readInteger(sequence, what + " sequence", 1, mostTokens))};
}

}  // namespace intentd
