#include "runtime/aliasing.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/memory.h"

namespace ke::runtime {

using tf::C;

namespace {

enum class Passes { kNothing, kFirstInput, kSecondInput, kSameInput, kEveryInput };

// The ops whose kernels may hand an input's buffer, or a part of it, on as an output.
Passes WhatPassesThrough(std::string_view op) {
  static constexpr std::string_view kFirst[] = {
      "Bitcast",       "BroadcastTo",            "Cast",            "CheckNumerics", "EnsureShape",
      "Enter",         "Exit",                   "ExpandDims",      "Identity",      "NextIteration",
      "PlaceholderWithDefault", "PreventGradient", "Reshape",       "Slice",         "Snapshot",
      "SplitV",        "Squeeze",                "StopGradient",    "StridedSlice",  "Switch",
      "Tile",          "Transpose",              "Unpack"};
  if (op == "Split") return Passes::kSecondInput;
  if (op == "IdentityN") return Passes::kSameInput;
  if (op == "Merge" || op == "Pack") return Passes::kEveryInput;
  return std::find(std::begin(kFirst), std::end(kFirst), op) != std::end(kFirst) ? Passes::kFirstInput
                                                                                 : Passes::kNothing;
}

struct Range {
  uintptr_t begin;
  uintptr_t end;

  explicit Range(const TF_Tensor* tensor)
      : begin(reinterpret_cast<uintptr_t>(C().TF_TensorData(tensor))),
        end(begin + C().TF_TensorByteSize(tensor)) {}
  bool Overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

}  // namespace

bool MayShareMemory(TF_Output tensor) {
  std::set<std::pair<TF_Operation*, int>> seen;
  std::vector<TF_Output> pending = {tensor};
  while (!pending.empty()) {
    const TF_Output next = pending.back();
    pending.pop_back();
    if (!seen.insert({next.oper, next.index}).second) continue;
    const std::string_view op = C().TF_OperationOpType(next.oper);
    if (op == "Placeholder" || op == "Const" || op == "ReadVariableOp") return true;
    const auto follow = [&](int input) { pending.push_back(C().TF_OperationInput({next.oper, input})); };
    switch (WhatPassesThrough(op)) {
      case Passes::kNothing:
        break;
      case Passes::kFirstInput:
        follow(0);
        break;
      case Passes::kSecondInput:
        follow(1);
        break;
      case Passes::kSameInput:
        follow(next.index);
        break;
      case Passes::kEveryInput:
        for (int i = 0; i < C().TF_OperationNumInputs(next.oper); ++i) follow(i);
        break;
    }
  }
  return false;
}

std::vector<TensorRef> OwnOutputs(std::vector<tf::TensorPtr> outputs, const std::vector<bool>& may_share,
                                  const std::vector<TF_Tensor*>& inputs) {
  std::vector<Range> taken;
  taken.reserve(inputs.size() + outputs.size());
  for (const TF_Tensor* input : inputs) taken.emplace_back(input);
  std::vector<TensorRef> owned;
  owned.reserve(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Range range(outputs[i].get());
    const bool shared =
        may_share[i] || C().TF_TensorMaybeMove(outputs[i].get()) == nullptr ||
        std::any_of(taken.begin(), taken.end(), [&](const Range& other) { return range.Overlaps(other); });
    if (shared) {
      owned.push_back(Copy(outputs[i].get()));
      CountCopiedOut(owned.back()->bytes());
    } else {
      taken.push_back(range);
      owned.push_back(Tensor::Adopt(std::move(outputs[i])));
    }
  }
  return owned;
}

}  // namespace ke::runtime
