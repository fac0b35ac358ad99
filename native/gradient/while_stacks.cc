#include "gradient/while_stacks.h"

#include <algorithm>

#include "control/while_loop.h"
#include "tensorflow/read_graph.h"

namespace ke::gradient {

using graph::Scope;
using graph::Shape;
using tf::C;
using Tensors = std::vector<TF_Output>;

namespace {

// Returns the variables that `loop` stacks. Empty if `loop` is no While that StackVariables made.
std::vector<int64_t> Stacked(TF_Operation* loop) {
  tf::Status status;
  const TF_AttrMetadata meta = C().TF_OperationGetAttrMetadata(loop, control::kStackedAttr, status);
  if (!status.ok()) return {};
  std::vector<int64_t> variables(meta.list_size);
  C().TF_OperationGetAttrIntList(loop, control::kStackedAttr, variables.data(),
                                 static_cast<int>(variables.size()), status);
  status.Check(C().TF_OperationName(loop));
  return variables;
}

// Adds the While that stacks `variables`.
TF_Operation* AddStackedWhile(Scope* scope, TF_Operation* loop, const LibraryFunction& body,
                              const LibraryFunction& condition, const std::vector<int64_t>& variables) {
  const std::string name = C().TF_OperationName(loop);
  const int own = C().TF_OperationNumOutputs(loop);
  Scope turn(scope);
  Scope more(scope);
  Tensors initial = tf::Inputs(loop);
  Tensors arguments;  // in the body
  Tensors asked;      // in the condition
  const auto add = [&](TF_DataType dtype, const Shape& shape) {
    arguments.push_back(turn.Placeholder(dtype, shape, "variable"));
    asked.push_back(more.Placeholder(dtype, shape, "variable"));
  };
  for (int i = 0; i < own; ++i) add(Scope::GetDType({loop, i}), scope->GetShape({loop, i}));
  Tensors results = body.AddTo(&turn, name, arguments, LibraryFunction::OwnOps::kCopied);
  const Tensors goes_on = condition.AddTo(&more, name, asked, LibraryFunction::OwnOps::kCopied);

  const TF_Output zero = scope->Const(0);
  add(TF_INT32, Shape::Of({}));
  initial.push_back(zero);
  results.push_back(turn.Op("AddV2").In(arguments.back()).In(turn.Const(1)).Out());
  for (const int64_t variable : variables) {
    const TF_Output value = arguments[variable];
    initial.push_back(scope->Op("EmptyTensorList")
                          .In(ListShape(scope, scope->GetShape({loop, static_cast<int>(variable)})))
                          .In(scope->Const(-1))
                          .AttrType("element_dtype", Scope::GetDType(value))
                          .Out());
    add(TF_VARIANT, Shape::Of({}));
    results.push_back(turn.Op("TensorListPushBack").In(arguments.back()).In(value).Out());
  }
  control::Turns turns;
  turns.gated = condition.has_own_ops();
  turns.stacked = variables;
  return control::AddWhile(scope, &more, asked, goes_on.at(0), &turn, arguments, results, initial, turns)[0]
      .oper;
}

}  // namespace

StackedWhile StackVariables(Scope* scope, TF_Operation* loop, const LibraryFunction& body,
                            const LibraryFunction& condition, const std::vector<int>& variables) {
  TF_Operation* current = scope->Replacement(loop);
  std::vector<int64_t> stacked = current == loop ? std::vector<int64_t>() : Stacked(current);
  const size_t known = stacked.size();
  for (const int variable : variables) {
    if (std::find(stacked.begin(), stacked.end(), variable) == stacked.end()) stacked.push_back(variable);
  }
  // A While without stacks still counts its turns.
  if (current == loop || stacked.size() > known) {
    TF_Operation* const by = AddStackedWhile(scope, loop, body, condition, stacked);
    scope->Replace(current, by);
    current = by;
  }
  const int own = C().TF_OperationNumOutputs(loop);
  StackedWhile result{{current, own}, {}};
  for (const int variable : variables) {
    const auto at = std::find(stacked.begin(), stacked.end(), variable) - stacked.begin();
    result.stacks.push_back({current, own + 1 + static_cast<int>(at)});
  }
  return result;
}

TF_Output ListShape(Scope* scope, const Shape& shape) {
  if (!shape.known_rank) return scope->Const(-1);
  return scope->Const(std::vector<int32_t>(shape.dims.begin(), shape.dims.end()));
}

}  // namespace ke::gradient
