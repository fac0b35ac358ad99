#include "binding/copy_rows.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "binding/convert.h"
#include "binding/native_tensor.h"
#include "runtime/memory.h"
#include "tensorflow/dtype.h"
#include "tensorflow/library.h"
#include "wire/shape.h"

namespace ke::binding {

using runtime::TensorRef;

namespace {

enum class Direction { kIn, kOut };

struct Rows {
  NativeTensor* tensor;
  TensorRef memory;  // null if JavaScript holds the bytes
  int64_t begin;

  char* First(size_t row_bytes) const {
    char* const bytes = memory != nullptr ? static_cast<char*>(memory->data()) : tensor->bytes();
    return bytes == nullptr ? nullptr : bytes + row_bytes * static_cast<size_t>(begin);
  }
};

Rows ToRows(Napi::Value tensor, Napi::Value begin, const std::string& name, const std::string& begin_name) {
  NativeTensor* const native = NativeTensor::From(tensor, name);
  return {native, native->Memory(name), begin.IsUndefined() ? 0 : ToInteger(begin, begin_name, 0)};
}

std::string Describe(const NativeTensor& tensor) {
  return tf::DTypeName(tensor.dtype()) + " " + graph::ToString(graph::Shape::Of(tensor.dims()));
}

void Check(const Rows& target, const Rows& source, int64_t rows) {
  const std::vector<int64_t>& to = target.tensor->dims();
  const std::vector<int64_t>& from = source.tensor->dims();
  const auto refuse = [&](const std::string& problem) {
    throw tf::Error(TF_INVALID_ARGUMENT, "rows of a source " + Describe(*source.tensor) +
                                             " do not go into a target " + Describe(*target.tensor) + ": " +
                                             problem);
  };
  if (source.tensor->dtype() != target.tensor->dtype()) refuse("their dtypes differ");
  if (to.empty() || from.empty()) refuse("a scalar has no rows");
  if (!std::equal(to.begin() + 1, to.end(), from.begin() + 1, from.end())) refuse("their row shapes differ");
  const auto holds = [&](const Rows& side, const std::vector<int64_t>& dims) {
    return side.begin <= dims[0] && rows <= dims[0] - side.begin;
  };
  if (!holds(source, from) || !holds(target, to)) {
    refuse(std::to_string(rows) + " rows from row " + std::to_string(source.begin) + " to row " +
           std::to_string(target.begin) + " are more than there are");
  }
}

Direction ToDirection(Napi::Value value) {
  if (value.IsUndefined()) return Direction::kOut;
  const std::string text = ToText(value, "direction");
  if (text != "in" && text != "out") ThrowTypeError("direction", "'in' or 'out'", value);
  return text == "in" ? Direction::kIn : Direction::kOut;
}

}  // namespace

Napi::Value CopyRows(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    const Rows target = ToRows(info[0], info[1], "target", "row");
    const Rows source = ToRows(info[2], info[3], "source", "begin");
    const std::vector<int64_t>& dims = source.tensor->dims();
    const int64_t all = dims.empty() ? 0 : std::max<int64_t>(0, dims[0] - source.begin);
    const int64_t rows = info[4].IsUndefined() ? all : ToInteger(info[4], "rows", 0);
    const Direction direction = ToDirection(info[5]);
    Check(target, source, rows);

    size_t row_bytes = tf::C().TF_DataTypeSize(source.tensor->dtype());
    for (size_t i = 1; i < dims.size(); ++i) row_bytes *= static_cast<size_t>(dims[i]);
    const size_t bytes = row_bytes * static_cast<size_t>(rows);
    char* const to = target.First(row_bytes);
    const char* const from = source.First(row_bytes);
    // The references keep the memory alive, even if JavaScript releases the tensors meanwhile.
    const auto copy = [to, from, bytes, direction, target_memory = target.memory,
                       source_memory = source.memory] {
      if (bytes > 0) std::memmove(to, from, bytes);
      direction == Direction::kIn ? runtime::CountCopiedIn(bytes) : runtime::CountCopiedOut(bytes);
      return true;
    };
    const auto nothing = [](Napi::Env env, bool) { return env.Undefined(); };
    if (target.memory == nullptr || source.memory == nullptr) {
      // The JavaScript engine owns this memory, and may move or free the memory as soon as JavaScript runs
      // again. Therefore no other thread may copy.
      copy();
      const auto deferred = Napi::Promise::Deferred::New(info.Env());
      deferred.Resolve(info.Env().Undefined());
      return deferred.Promise();
    }
    return Environment::Of(info.Env()).InCopyThread(copy, nothing);
  });
}

}  // namespace ke::binding
