// Conversions of JavaScript values to native values and back. Every To... function checks its argument, and
// throws a TypeError that names the argument.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "trace/trace.h"
#include "wire/shape.h"

namespace ke::binding {

// Returns whether `value` is undefined or null.
bool IsAbsent(Napi::Value value);
std::string ToText(Napi::Value value, const std::string& argument);
std::vector<std::string> ToTexts(Napi::Value value, const std::string& argument);
// Returns an integer of at least `minimum` that a double represents exactly.
int64_t ToInteger(Napi::Value value, const std::string& argument, int64_t minimum = INT64_MIN);
Napi::Object ToObject(Napi::Value value, const std::string& argument);

TF_DataType ToDType(Napi::Value value, const std::string& argument);
// Returns a shape without unknown dims.
std::vector<int64_t> ToDims(Napi::Value value, const std::string& argument);
graph::Shape ToShape(Napi::Value value, const std::string& argument);
trace::SymbolId ToId(Napi::Value value, const std::string& argument);
std::vector<trace::SymbolId> ToIds(Napi::Value value, const std::string& argument);
trace::AttrValue ToAttr(Napi::Value value, const std::string& argument);
std::map<std::string, std::string> ToTextMap(Napi::Value value, const std::string& argument);
// Returns the bytes of a typed array, Buffer or DataView. The view is valid only until JavaScript runs again.
std::string_view ToBytes(Napi::Value value, const std::string& argument);

// Throws UNIMPLEMENTED for a dtype that the contract does not list.
Napi::Value FromDType(Napi::Env env, TF_DataType dtype);
Napi::Value FromDims(Napi::Env env, const std::vector<int64_t>& dims);
Napi::Value FromShape(Napi::Env env, const graph::Shape& shape);
Napi::Value FromTexts(Napi::Env env, const std::vector<std::string>& texts);
Napi::Value FromSpec(Napi::Env env, const graph::TensorSpec& spec);
Napi::Value FromSpecs(Napi::Env env, const std::vector<graph::TensorSpec>& specs);
Napi::Value FromSymbol(Napi::Env env, const trace::Symbol& symbol);
Napi::Value FromSymbols(Napi::Env env, const std::vector<trace::Symbol>& symbols);

}  // namespace ke::binding
