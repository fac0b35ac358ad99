#include "binding/convert.h"

#include <cmath>
#include <limits>

#include "binding/errors.h"
#include "tensorflow/dtype.h"
#include "tensorflow/error.h"

namespace ke::binding {

namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

Napi::Array ToArray(Napi::Value value, const std::string& argument, const char* expected) {
  if (!value.IsArray()) ThrowTypeError(argument, expected, value);
  return value.As<Napi::Array>();
}

// Converts each element of an array with `convert(element, "argument[i]")`.
template <typename Convert>
auto ToVector(Napi::Value value, const std::string& argument, const char* expected, Convert convert) {
  const Napi::Array array = ToArray(value, argument, expected);
  std::vector<decltype(convert(Napi::Value(), argument))> converted;
  converted.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    converted.push_back(convert(array[i], argument + "[" + std::to_string(i) + "]"));
  }
  return converted;
}

int64_t ToAnyInteger(Napi::Value value, const std::string& argument) { return ToInteger(value, argument); }

float ToFloat(Napi::Value value, const std::string& argument) {
  if (!value.IsNumber()) ThrowTypeError(argument, "a number", value);
  return value.As<Napi::Number>().FloatValue();
}

template <typename T, typename Convert>
Napi::Value FromVector(Napi::Env env, const std::vector<T>& values, Convert convert) {
  const Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array.Set(static_cast<uint32_t>(i), convert(env, values[i]));
  return array;
}

}  // namespace

bool IsAbsent(Napi::Value value) { return value.IsEmpty() || value.IsUndefined() || value.IsNull(); }

std::string ToText(Napi::Value value, const std::string& argument) {
  if (!value.IsString()) ThrowTypeError(argument, "a string", value);
  return value.As<Napi::String>().Utf8Value();
}

std::vector<std::string> ToTexts(Napi::Value value, const std::string& argument) {
  return ToVector(value, argument, "an array of strings", ToText);
}

int64_t ToInteger(Napi::Value value, const std::string& argument, int64_t minimum) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (std::trunc(number) == number && std::abs(number) <= kMaxSafeInteger &&
      static_cast<int64_t>(number) >= minimum) {
    return static_cast<int64_t>(number);
  }
  ThrowTypeError(argument,
                 minimum == INT64_MIN ? "an integer" : "an integer of at least " + std::to_string(minimum),
                 value);
}

Napi::Object ToObject(Napi::Value value, const std::string& argument) {
  if (!value.IsObject() || value.IsArray()) ThrowTypeError(argument, "an object", value);
  return value.As<Napi::Object>();
}

TF_DataType ToDType(Napi::Value value, const std::string& argument) {
  const auto dtype = value.IsString() ? tf::DTypeNamed(value.As<Napi::String>().Utf8Value()) : std::nullopt;
  if (!dtype.has_value()) ThrowTypeError(argument, "one of " + tf::ContractDTypeNames(), value);
  return *dtype;
}

std::vector<int64_t> ToDims(Napi::Value value, const std::string& argument) {
  return ToVector(value, argument, "an array of integers",
                  [](Napi::Value dim, const std::string& name) { return ToInteger(dim, name, 0); });
}

graph::Shape ToShape(Napi::Value value, const std::string& argument) {
  if (value.IsNull()) return graph::Shape::Unknown();
  return graph::Shape::Of(ToVector(value, argument, "an array of integers and nulls, or null",
                                   [](Napi::Value dim, const std::string& name) {
                                     return dim.IsNull() ? int64_t{-1} : ToInteger(dim, name, 0);
                                   }));
}

trace::SymbolId ToId(Napi::Value value, const std::string& argument) {
  const int64_t id = ToInteger(value, argument, -1);
  if (id > std::numeric_limits<trace::SymbolId>::max()) ThrowTypeError(argument, "a symbol's id", value);
  return static_cast<trace::SymbolId>(id);
}

std::vector<trace::SymbolId> ToIds(Napi::Value value, const std::string& argument) {
  return ToVector(value, argument, "an array of symbol ids", ToId);
}

trace::AttrValue ToAttr(Napi::Value value, const std::string& argument) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (value.IsObject()) {
    const auto object = value.As<Napi::Object>();
    const auto has = [&](const char* key) { return object.Has(key); };
    if (has("int")) return ToInteger(object.Get("int"), argument + ".int");
    if (has("float")) return ToFloat(object.Get("float"), argument + ".float");
    if (has("dtype")) return ToDType(object.Get("dtype"), argument + ".dtype");
    if (has("shape")) return ToShape(object.Get("shape"), argument + ".shape");
    if (has("ints"))
      return ToVector(object.Get("ints"), argument + ".ints", "an array of integers", ToAnyInteger);
    if (has("floats"))
      return ToVector(object.Get("floats"), argument + ".floats", "an array of numbers", ToFloat);
    if (has("dtypes"))
      return ToVector(object.Get("dtypes"), argument + ".dtypes", "an array of dtypes", ToDType);
    if (has("shapes"))
      return ToVector(object.Get("shapes"), argument + ".shapes", "an array of shapes", ToShape);
  }
  ThrowTypeError(argument,
                 "a boolean, a string or one of { int, float, dtype, shape, ints, floats, dtypes, shapes }",
                 value);
}

std::map<std::string, std::string> ToTextMap(Napi::Value value, const std::string& argument) {
  const Napi::Object object = ToObject(value, argument);
  std::map<std::string, std::string> map;
  const Napi::Array keys = object.GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = Napi::Value(keys[i]).ToString();
    map[key] = ToText(object.Get(key), argument + "." + key);
  }
  return map;
}

std::string_view ToBytes(Napi::Value value, const std::string& argument) {
  const napi_env env = value.Env();
  void* data = nullptr;
  size_t length = 0;
  if (value.IsTypedArray()) {
    napi_typedarray_type type;
    size_t elements = 0;
    if (napi_get_typedarray_info(env, value, &type, &elements, &data, nullptr, nullptr) != napi_ok) {
      throw Napi::Error::New(env);
    }
    length = value.As<Napi::TypedArray>().ByteLength();
  } else if (value.IsDataView()) {
    if (napi_get_dataview_info(env, value, &length, &data, nullptr, nullptr) != napi_ok) {
      throw Napi::Error::New(env);
    }
  } else {
    ThrowTypeError(argument, "a typed array, Buffer or DataView", value);
  }
  return {static_cast<const char*>(data), length};
}

Napi::Value FromDType(Napi::Env env, TF_DataType dtype) {
  if (!tf::IsContractDType(dtype)) {
    throw tf::Error(TF_UNIMPLEMENTED, "tensors of dtype " + tf::DTypeName(dtype) + " cannot be used here");
  }
  return Napi::String::New(env, tf::DTypeName(dtype));
}

Napi::Value FromDims(Napi::Env env, const std::vector<int64_t>& dims) {
  return FromVector(env, dims, [](Napi::Env e, int64_t dim) {
    return dim < 0 ? e.Null() : Napi::Value(Napi::Number::New(e, static_cast<double>(dim)));
  });
}

Napi::Value FromShape(Napi::Env env, const graph::Shape& shape) {
  return shape.known_rank ? FromDims(env, shape.dims) : env.Null();
}

Napi::Value FromTexts(Napi::Env env, const std::vector<std::string>& texts) {
  return FromVector(env, texts,
                    [](Napi::Env e, const std::string& text) { return Napi::String::New(e, text); });
}

Napi::Value FromSpec(Napi::Env env, const graph::TensorSpec& spec) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("name", spec.name);
  object.Set("dtype", FromDType(env, spec.dtype));
  object.Set("shape", FromShape(env, spec.shape));
  return object;
}

Napi::Value FromSpecs(Napi::Env env, const std::vector<graph::TensorSpec>& specs) {
  return FromVector(env, specs, FromSpec);
}

Napi::Value FromSymbol(Napi::Env env, const trace::Symbol& symbol) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("id", Napi::Number::New(env, symbol.id));
  object.Set("dtype", FromDType(env, symbol.dtype));
  object.Set("shape", FromShape(env, symbol.shape));
  return object;
}

Napi::Value FromSymbols(Napi::Env env, const std::vector<trace::Symbol>& symbols) {
  return FromVector(env, symbols, FromSymbol);
}

}  // namespace ke::binding
