#include "trace/add_op.h"

namespace ke::trace {

using graph::OpBuilder;
using graph::Scope;
using graph::Shape;

namespace {

void SetAttr(OpBuilder* builder, const std::string& name, const AttrValue& value) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, int64_t>) {
          builder->AttrInt(name, v);
        } else if constexpr (std::is_same_v<T, float>) {
          builder->AttrFloat(name, v);
        } else if constexpr (std::is_same_v<T, bool>) {
          builder->AttrBool(name, v);
        } else if constexpr (std::is_same_v<T, std::string>) {
          builder->AttrString(name, v);
        } else if constexpr (std::is_same_v<T, TF_DataType>) {
          builder->AttrType(name, v);
        } else if constexpr (std::is_same_v<T, Shape>) {
          builder->AttrShape(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          builder->AttrInts(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          builder->AttrFloats(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<TF_DataType>>) {
          builder->AttrTypes(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<Shape>>) {
          builder->AttrShapes(name, v);
        } else {
          static_assert(sizeof(T) == 0, "an attribute type without a setter");
        }
      },
      value);
}

}  // namespace

std::vector<TF_Output> AddOp(Scope* scope, const OpCall& op,
                             const std::function<TF_Output(SymbolId)>& resolve) {
  OpBuilder builder = scope->Op(op.type);
  for (const OpInput& input : op.inputs) {
    if (const auto* one = std::get_if<SymbolId>(&input)) {
      builder.In(resolve(*one));
    } else {
      std::vector<TF_Output> tensors;
      for (const SymbolId id : std::get<std::vector<SymbolId>>(input)) tensors.push_back(resolve(id));
      builder.InList(tensors);
    }
  }
  for (const auto& [name, value] : op.attrs) SetAttr(&builder, name, value);
  return builder.Outs();
}

}  // namespace ke::trace
