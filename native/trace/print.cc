#include "trace/print.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "tensorflow/dtype.h"

namespace ke::trace {

using graph::Shape;
using tf::C;

namespace {

constexpr int64_t kMostShown = 8;

std::string Spell(const Shape& shape) {
  if (!shape.known_rank) return "[...]";
  std::string text;
  for (const int64_t dim : shape.dims) {
    text += (text.empty() ? "" : ",") + (dim < 0 ? std::string("?") : std::to_string(dim));
  }
  return "[" + text + "]";
}

std::string Spell(int64_t value) { return std::to_string(value); }
std::string Spell(bool value) { return value ? "true" : "false"; }
std::string Spell(TF_DataType value) { return tf::DTypeName(value); }
std::string Spell(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}
std::string Spell(float value) { return Spell(static_cast<double>(value)); }
std::string Spell(const std::string& text) { return '"' + text + '"'; }

std::string Braced(const Overrides& overrides) {
  std::string text;
  for (const auto& [type, rule] : overrides) text += (text.empty() ? " {" : ", ") + type + "=" + rule;
  return text.empty() ? text : text + "}";
}

template <typename T>
std::string Joined(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + Spell(value);
  return text;
}
template <typename T>
std::string Spell(const std::vector<T>& values) {
  return "[" + Joined(values) + "]";
}

template <typename T>
std::string Values(const TF_Tensor* tensor) {
  std::vector<T> values(C().TF_TensorElementCount(tensor));
  if (!values.empty()) {
    std::memcpy(values.data(), C().TF_TensorData(tensor), values.size() * sizeof(T));
  }
  return C().TF_NumDims(tensor) == 0 ? Spell(values[0]) : Spell(values);
}

std::string Spell(const TF_Tensor* tensor) {
  const int64_t count = C().TF_TensorElementCount(tensor);
  if (count <= kMostShown) {
    switch (C().TF_TensorType(tensor)) {
      case TF_FLOAT:
        return Values<float>(tensor);
      case TF_DOUBLE:
        return Values<double>(tensor);
      case TF_INT32: {
        std::vector<int64_t> wide;
        for (int64_t i = 0; i < count; ++i)
          wide.push_back(static_cast<int32_t*>(C().TF_TensorData(tensor))[i]);
        return C().TF_NumDims(tensor) == 0 ? Spell(wide[0]) : Spell(wide);
      }
      case TF_INT64:
        return Values<int64_t>(tensor);
      default:
        break;
    }
  }
  return std::to_string(count) + (count == 1 ? " value" : " values");
}

class Printer {
 public:
  void Add(const Block& block) {
    for (const auto& [symbol, name] : block.parameters) Line({symbol}, "parameter " + Spell(name));
    for (const Equation& equation : block.equations) {
      const std::string text =
          std::visit([this](const auto& op) { return Operation(op); }, equation.operation);
      // The outputs of a loop are numbered after the symbols of its bodies.
      std::string bodies;
      std::swap(bodies, text_);
      VisitBlocks(equation.operation, [this](const BlockPtr& body) {
        text_ += Indent() + "{\n";
        ++depth_;
        Add(*body);
        --depth_;
        text_ += Indent() + "}\n";
      });
      std::swap(bodies, text_);
      Line(equation.outputs, text);
      text_ += bodies;
    }
    text_ += Indent() + "return " + Refer(block.results) + "\n";
  }

  std::string Take() { return std::move(text_); }

 private:
  static std::string Operation(const Constant& op) { return "constant " + Spell(op.value.get()); }
  std::string Operation(const OpCall& op) const {
    std::string inputs;
    for (const OpInput& input : op.inputs) {
      if (!inputs.empty()) inputs += ", ";
      if (const auto* one = std::get_if<SymbolId>(&input)) {
        inputs += Refer(*one);
      } else {
        inputs += "[" + Refer(std::get<std::vector<SymbolId>>(input)) + "]";
      }
    }
    std::string attrs;
    for (const auto& [name, value] : op.attrs) {
      attrs += (attrs.empty() ? "" : ", ") + name + "=" +
               std::visit([](const auto& v) { return Spell(v); }, value);
    }
    return op.type + "(" + inputs + ")" + (attrs.empty() ? "" : " {" + attrs + "}");
  }
  std::string Operation(const ModelCall& op) const {
    return "model " + std::to_string(op.model->serial()) + "(" + Refer(op.inputs) + ") {" +
           Joined(op.tensors) + "}";
  }
  std::string Operation(const GradientCall& op) const {
    return "gradient(ys=[" + Refer(op.ys) + "], xs=[" + Refer(op.xs) + "]" +
           (op.grad_ys.empty() ? "" : ", gradYs=[" + Refer(op.grad_ys) + "]") + ")" + Braced(op.overrides);
  }
  std::string Operation(const JacobianLoop& op) const {
    return "jacobian(ys=" + Refer(op.ys) + ", xs=[" + Refer(op.xs) + "])" + Braced(op.overrides);
  }
  std::string Operation(const StackLoop& op) const { return "stack(count=" + Refer(op.count) + ")"; }
  std::string Operation(const WhileLoop& op) const {
    return "while(" + Refer(op.initial) + ")" +
           (op.count == kNoSymbol ? "" : " {count=" + Refer(op.count) + "}");
  }

  void Line(const std::vector<Symbol>& symbols, const std::string& text) {
    std::string line;
    for (const Symbol& symbol : symbols) {
      numbers_.emplace(symbol.id, numbers_.size());
      line += (line.empty() ? "" : ", ") + Refer(symbol.id) + ":" + tf::DTypeName(symbol.dtype) +
              Spell(symbol.shape);
    }
    text_ += Indent() + line + " = " + text + "\n";
  }

  std::string Refer(SymbolId id) const {
    const auto found = numbers_.find(id);
    return found == numbers_.end() ? "none" : "%" + std::to_string(found->second);
  }
  std::string Refer(const std::vector<SymbolId>& ids) const {
    std::string text;
    for (const SymbolId id : ids) text += (text.empty() ? "" : ", ") + Refer(id);
    return text;
  }
  std::string Indent() const { return std::string(2 * depth_, ' '); }

  std::string text_;
  size_t depth_ = 0;
  std::unordered_map<SymbolId, size_t> numbers_;
};

}  // namespace

std::string Print(const Block& block) {
  Printer printer;
  printer.Add(block);
  return printer.Take();
}

}  // namespace ke::trace
