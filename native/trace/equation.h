// The data of a recording: blocks of equations over symbols.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "model/model_graph.h"
#include "tensorflow/handles.h"
#include "wire/shape.h"

namespace ke::trace {

// Unique in a tree of blocks.
using SymbolId = int32_t;

// Stands for an absent optional symbol: an incoming gradient of ones, or a loop without a count.
inline constexpr SymbolId kNoSymbol = -1;

struct Symbol {
  SymbolId id = kNoSymbol;
  TF_DataType dtype = TF_FLOAT;
  graph::Shape shape;
};

using AttrValue =
    std::variant<int64_t, float, bool, std::string, TF_DataType, graph::Shape, std::vector<int64_t>,
                 std::vector<float>, std::vector<TF_DataType>, std::vector<graph::Shape>>;
using Attrs = std::map<std::string, AttrValue>;
// Gradient rules, by op type.
using Overrides = std::map<std::string, std::string>;
// One input of an op: a tensor, or a list of tensors if the op takes a list.
using OpInput = std::variant<SymbolId, std::vector<SymbolId>>;

struct Block;
using BlockPtr = std::shared_ptr<const Block>;

struct Constant {
  std::shared_ptr<TF_Tensor> value;
};

// A TensorFlow op.
struct OpCall {
  std::string type;
  std::vector<OpInput> inputs;
  Attrs attrs;
};

// A call of a model. The outputs are the model's tensors `tensors`, in order.
struct ModelCall {
  std::shared_ptr<const graph::ModelGraph> model;
  std::vector<SymbolId> inputs;
  std::vector<std::string> tensors;
  // Whether the inputs have the shapes that the model declares.
  bool declared = true;
};

// Has one output per x. `grad_ys` is empty (ones for all ys) or has one entry per y.
struct GradientCall {
  std::vector<SymbolId> ys;
  std::vector<SymbolId> xs;
  std::vector<SymbolId> grad_ys;
  Overrides overrides;
};

// The parameters of the body are the gradients of one unit, one per x. The result of the body is the value
// kept for the unit.
struct JacobianLoop {
  SymbolId ys = kNoSymbol;
  std::vector<SymbolId> xs;
  Overrides overrides;
  BlockPtr body;
};

// The parameter of the body is the index of the turn. The result of the body is the value of the turn, of
// shape `turn`.
struct StackLoop {
  SymbolId count = kNoSymbol;
  graph::Shape turn;
  // See AddStack.
  bool once_at_least = false;
  BlockPtr body;
};

// The parameters of both blocks are the loop variables.
struct WhileLoop {
  std::vector<SymbolId> initial;
  SymbolId count = kNoSymbol;
  BlockPtr condition;
  BlockPtr body;
};

using Operation = std::variant<Constant, OpCall, ModelCall, GradientCall, JacobianLoop, StackLoop, WhileLoop>;

struct Equation {
  Operation operation;
  std::vector<Symbol> outputs;
  std::string scope = {};  // the beginning of the names of the ops, for example "conv1/"
};

struct Parameter {
  Symbol symbol;
  std::string name;
};

// Equations in the order of their recording. An equation uses parameters, outputs of earlier equations, and
// symbols that the enclosing blocks had defined before this block began.
struct Block {
  std::vector<Parameter> parameters;
  std::vector<Equation> equations;
  std::vector<SymbolId> results;
};

// Calls `visit` with each symbol that `operation` itself takes, in order. Symbols that only the blocks of the
// operation use are not visited, nor is kNoSymbol. If `operation` is not const, `visit` may replace the
// symbol.
template <typename AnyOperation, typename Visit>
void VisitInputs(AnyOperation& operation, const Visit& visit) {
  const auto one = [&](auto& id) {
    if (id != kNoSymbol) visit(id);
  };
  const auto all = [&](auto& ids) {
    for (auto& id : ids) one(id);
  };
  std::visit(
      [&](auto& op) {
        using T = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<T, OpCall>) {
          for (auto& input : op.inputs) {
            if (auto* single = std::get_if<SymbolId>(&input)) {
              one(*single);
            } else {
              all(std::get<std::vector<SymbolId>>(input));
            }
          }
        } else if constexpr (std::is_same_v<T, ModelCall>) {
          all(op.inputs);
        } else if constexpr (std::is_same_v<T, GradientCall>) {
          all(op.ys);
          all(op.xs);
          all(op.grad_ys);
        } else if constexpr (std::is_same_v<T, JacobianLoop>) {
          one(op.ys);
          all(op.xs);
        } else if constexpr (std::is_same_v<T, StackLoop>) {
          one(op.count);
        } else if constexpr (std::is_same_v<T, WhileLoop>) {
          all(op.initial);
          one(op.count);
        } else {
          static_assert(std::is_same_v<T, Constant>);
        }
      },
      operation);
}

// Calls `visit` with each block of `operation`.
template <typename AnyOperation, typename Visit>
void VisitBlocks(AnyOperation& operation, const Visit& visit) {
  std::visit(
      [&](auto& op) {
        using T = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<T, WhileLoop>) visit(op.condition);
        if constexpr (std::is_same_v<T, JacobianLoop> || std::is_same_v<T, StackLoop> ||
                      std::is_same_v<T, WhileLoop>) {
          visit(op.body);
        }
      },
      operation);
}

// Returns the tensors with respect to which an operation differentiates, or none if the operation is no
// gradient.
inline const std::vector<SymbolId>& DifferentiatedBy(const Operation& operation) {
  static const std::vector<SymbolId> none;
  if (const auto* gradient = std::get_if<GradientCall>(&operation)) return gradient->xs;
  if (const auto* jacobian = std::get_if<JacobianLoop>(&operation)) return jacobian->xs;
  return none;
}

}  // namespace ke::trace
