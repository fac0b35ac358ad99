#include "tensorflow/dtype.h"

#include <algorithm>
#include <iterator>

namespace ke::tf {

namespace {

struct Entry {
  TF_DataType dtype;
  std::string_view name;
  bool in_contract;  // listed as DType in lib/binding/contract.ts
};

constexpr Entry kEntries[] = {{TF_FLOAT, "float32", true},
                              {TF_DOUBLE, "float64", true},
                              {TF_HALF, "float16", true},
                              {TF_BFLOAT16, "bfloat16", true},
                              {TF_INT8, "int8", true},
                              {TF_INT16, "int16", true},
                              {TF_INT32, "int32", true},
                              {TF_INT64, "int64", true},
                              {TF_UINT8, "uint8", true},
                              {TF_UINT16, "uint16", true},
                              {TF_UINT32, "uint32", true},
                              {TF_UINT64, "uint64", true},
                              {TF_BOOL, "bool", true},
                              {TF_STRING, "string", true},
                              {TF_VARIANT, "variant", true},
                              {TF_COMPLEX64, "complex64", false},
                              {TF_COMPLEX128, "complex128", false},
                              {TF_QINT8, "qint8", false},
                              {TF_QUINT8, "quint8", false},
                              {TF_QINT16, "qint16", false},
                              {TF_QUINT16, "quint16", false},
                              {TF_QINT32, "qint32", false},
                              {TF_RESOURCE, "resource", false}};

constexpr bool EachDTypeOnce() {
  for (int dtype = TF_FLOAT; dtype <= TF_UINT64; ++dtype) {
    int found = 0;
    for (const Entry& entry : kEntries) found += entry.dtype == dtype ? 1 : 0;
    if (found != 1) return false;
  }
  return true;
}
static_assert(EachDTypeOnce(), "kEntries must name every TF_DataType exactly once");

const Entry* Find(TF_DataType dtype) {
  const auto* entry = std::find_if(std::begin(kEntries), std::end(kEntries),
                                   [&](const Entry& candidate) { return candidate.dtype == dtype; });
  return entry == std::end(kEntries) ? nullptr : entry;
}

}  // namespace

std::string DTypeName(TF_DataType dtype) {
  const Entry* entry = Find(dtype);
  return entry == nullptr ? "dtype " + std::to_string(dtype) : std::string(entry->name);
}

std::optional<TF_DataType> DTypeNamed(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (entry.in_contract && entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

bool IsContractDType(TF_DataType dtype) {
  const Entry* entry = Find(dtype);
  return entry != nullptr && entry->in_contract;
}

std::string ContractDTypeNames() {
  std::string names;
  for (const Entry& entry : kEntries) {
    if (entry.in_contract) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return names;
}

}  // namespace ke::tf
