#include "trace/encode.h"

#include <cstring>
#include <unordered_map>

namespace ke::trace {

using graph::Shape;
using tf::C;

namespace {

// Returns the elements of a string tensor, each preceded by its length.
std::string Strings(const TF_Tensor* tensor) {
  std::string content;
  const auto count = static_cast<size_t>(C().TF_TensorElementCount(tensor));
  if (count == 0) return content;
  const size_t stride = C().TF_TensorByteSize(tensor) / count;
  const auto* data = static_cast<const char*>(C().TF_TensorData(tensor));
  for (size_t i = 0; i < count; ++i) {
    const auto* element = reinterpret_cast<const TF_TString*>(data + i * stride);
    const uint64_t size = C().TF_StringGetSize(element);
    content.append(reinterpret_cast<const char*>(&size), sizeof(size));
    content.append(C().TF_StringGetDataPointer(element), size);
  }
  return content;
}

std::string_view Bytes(const TF_Tensor* tensor) {
  return {static_cast<const char*>(C().TF_TensorData(tensor)), C().TF_TensorByteSize(tensor)};
}

class Encoder {
 public:
  void Add(const Block& block) {
    Count(block.parameters.size());
    for (const Parameter& parameter : block.parameters) {
      Add(parameter.symbol.dtype);
      Add(parameter.symbol.shape);
      Define(parameter.symbol);
    }
    Count(block.equations.size());
    for (const Equation& equation : block.equations) {
      Add(equation.operation);
      if (const auto* constant = std::get_if<Constant>(&equation.operation)) Content(constant->value.get());
      if (const auto* call = std::get_if<ModelCall>(&equation.operation)) Add(call->tensors);
      Count(equation.outputs.size());
      for (const Symbol& output : equation.outputs) Define(output);
    }
    Reference(block.results);
  }

  void Add(const Operation& operation) {
    Count(operation.index());
    std::visit([this](const auto& op) { AddOperation(op); }, operation);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  void AddOperation(const Constant& op) {
    Add(C().TF_TensorType(op.value.get()));
    Add(tf::Dims(op.value.get()));
  }
  void AddOperation(const OpCall& op) {
    Add(op.type);
    Count(op.inputs.size());
    for (const OpInput& input : op.inputs) {
      Count(input.index());
      std::visit([this](const auto& ids) { Reference(ids); }, input);
    }
    Count(op.attrs.size());
    for (const auto& [name, value] : op.attrs) {
      Add(name);
      Count(value.index());
      std::visit([this](const auto& v) { Add(v); }, value);
    }
  }
  void AddOperation(const ModelCall& op) {
    Count(op.model->serial());
    Reference(op.inputs);
    Add(op.declared);
  }
  void AddOperation(const GradientCall& op) {
    Reference(op.ys);
    Reference(op.xs);
    Reference(op.grad_ys);
    Add(op.overrides);
  }
  void AddOperation(const JacobianLoop& op) {
    Reference(op.ys);
    Reference(op.xs);
    Add(op.overrides);
    Add(*op.body);
  }
  void AddOperation(const StackLoop& op) {
    Reference(op.count);
    Add(op.turn);
    Add(op.once_at_least);
    Add(*op.body);
  }
  void AddOperation(const WhileLoop& op) {
    Reference(op.initial);
    Reference(op.count);
    Add(*op.condition);
    Add(*op.body);
  }

  void Count(size_t count) { Add(static_cast<int64_t>(count)); }
  void Add(int64_t value) { Raw(&value, sizeof(value)); }
  void Add(bool value) { Add(int64_t{value}); }
  void Add(TF_DataType value) { Add(static_cast<int64_t>(value)); }
  // Encodes the bits, which distinguish NaNs, infinities and both zeros.
  void Add(float value) { Raw(&value, sizeof(value)); }
  void Add(std::string_view text) {
    Count(text.size());
    Raw(text.data(), text.size());
  }
  void Add(const std::string& text) { Add(std::string_view(text)); }
  void Add(const Shape& shape) {
    Add(shape.known_rank);
    Add(shape.dims);
  }
  void Add(const Overrides& overrides) {
    Count(overrides.size());
    for (const auto& [type, rule] : overrides) {
      Add(type);
      Add(rule);
    }
  }
  template <typename T>
  void Add(const std::vector<T>& values) {
    Count(values.size());
    for (const T& value : values) Add(value);
  }

  void Content(const TF_Tensor* tensor) {
    if (C().TF_TensorType(tensor) == TF_STRING) {
      Add(Strings(tensor));
    } else {
      Add(Bytes(tensor));
    }
  }

  void Define(const Symbol& symbol) { numbers_.emplace(symbol.id, numbers_.size()); }
  // Encodes a symbol defined in this encoding by its number, any other symbol by its id. A tag distinguishes
  // the two cases.
  void Reference(SymbolId id) {
    const auto found = numbers_.find(id);
    const bool known = found != numbers_.end();
    Add(known);
    Add(known ? static_cast<int64_t>(found->second) : int64_t{id});
  }
  void Reference(const std::vector<SymbolId>& ids) {
    Count(ids.size());
    for (const SymbolId id : ids) Reference(id);
  }

  void Raw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  std::string bytes_;
  std::unordered_map<SymbolId, size_t> numbers_;
};

}  // namespace

std::string Encode(const Block& block) {
  Encoder encoder;
  encoder.Add(block);
  return encoder.Take();
}

std::string KeyOf(const Operation& operation) {
  Encoder encoder;
  encoder.Add(operation);
  return encoder.Take();
}

bool SameContent(const TF_Tensor* a, const TF_Tensor* b) {
  if (C().TF_TensorType(a) == TF_STRING) return Strings(a) == Strings(b);
  return Bytes(a) == Bytes(b);
}

}  // namespace ke::trace
