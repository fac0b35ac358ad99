#include "trace/checks.h"

#include "gradient/ops.h"
#include "tensorflow/dtype.h"

namespace ke::trace {

using graph::Shape;
using graph::TensorSpec;

namespace {

[[noreturn]] void Refuse(const std::string& message) { throw tf::Error(TF_INVALID_ARGUMENT, message); }

std::string Describe(TF_DataType dtype, const Shape& shape) {
  return tf::DTypeName(dtype) + " " + (shape.known_rank ? ToString(shape) : "(unknown rank)");
}

// Returns whether a tensor can have both shapes.
bool Compatible(const Shape& a, const Shape& b) {
  if (!a.known_rank || !b.known_rank) return true;
  if (a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.dims.size(); ++i) {
    if (a.dims[i] >= 0 && b.dims[i] >= 0 && a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

// Returns whether every tensor of shape `shape` also has the shape `wider`.
bool IsWithin(const Shape& shape, const Shape& wider) {
  if (!wider.known_rank) return true;
  if (!shape.known_rank || shape.rank() != wider.rank()) return false;
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    if (wider.dims[i] >= 0 && wider.dims[i] != shape.dims[i]) return false;
  }
  return true;
}

}  // namespace

std::string Describe(const Symbol& symbol) { return Describe(symbol.dtype, symbol.shape); }

void CheckDifferentiable(const std::string& argument, const std::vector<Symbol>& symbols) {
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (tf::IsFloating(symbols[i].dtype)) continue;
    const std::string index = symbols.size() > 1 ? "[" + std::to_string(i) + "]" : "";
    Refuse("Expected `" + argument + index + "` of a floating dtype but received " + Describe(symbols[i]) +
           ": there is no gradient of integers.");
  }
}

void CheckGradY(size_t i, const Symbol& y, const Symbol& grad) {
  if (y.dtype == grad.dtype && Compatible(y.shape, grad.shape)) return;
  Refuse("Expected `gradYs[" + std::to_string(i) + "]` shaped like its y, " + Describe(y) +
         ", but received " + Describe(grad) + ".");
}

void CheckUnits(const Symbol& ys) {
  if (ys.shape.rank() >= 2) return;
  Refuse("Expected `ys` of a known rank of at least 2, samples first, but received " + Describe(ys) + ".");
}

void CheckKept(const Symbol& kept) {
  if (kept.shape.rank() >= 1) return;
  Refuse("Expected `each` to keep the samples as the first axis, with a known rank, but it returned " +
         Describe(kept) + ".");
}

void CheckCount(const Symbol& count) {
  if (count.dtype == TF_INT32 && count.shape.rank() == 0) return;
  Refuse("`count`, the turns of a loop, must be an int32 scalar, but is " + Describe(count) + ".");
}

void CheckCondition(const Symbol& result) {
  if (result.dtype == TF_BOOL && result.shape.rank() == 0) return;
  Refuse("Expected `condition` to return one bool scalar but it returned " + Describe(result) + ".");
}

void CheckVariables(size_t results, size_t initial) {
  if (results == initial) return;
  Refuse("Expected `body` to return " + std::to_string(initial) +
         " tensors, as many as there are loop variables, but it returned " + std::to_string(results) + ".");
}

void CheckVariable(size_t i, const Symbol& initial, const Symbol& variable, const Symbol& result) {
  const std::string name = "Expected loop variable " + std::to_string(i);
  if (result.dtype != variable.dtype) {
    Refuse(name + " to stay " + tf::DTypeName(variable.dtype) + " but `body` returned " + Describe(result) +
           ". Use `ops.cast`.");
  }
  if (initial.dtype != variable.dtype) {
    Refuse(name + " to begin as " + tf::DTypeName(variable.dtype) + " but it begins as " + Describe(initial) +
           ".");
  }
  if (!IsWithin(result.shape, variable.shape)) {
    Refuse(name + " to keep its shape but `body` returned " + Describe(result) + " for " + Describe(initial) +
           ". Name the sizes that change as null in `shapes`.");
  }
}

void CheckModelInputs(const graph::ModelGraph& model, const std::vector<Symbol>& inputs) {
  const std::vector<TensorSpec>& specs = model.inputs();
  if (inputs.size() != specs.size()) {
    std::string names;
    for (const TensorSpec& spec : specs) names += (names.empty() ? "" : ", ") + spec.name;
    Refuse("The model takes " + std::to_string(specs.size()) + " inputs (" + names + "), not " +
           std::to_string(inputs.size()) + ".");
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    const bool same_rank =
        !spec.shape.known_rank || !inputs[i].shape.known_rank || spec.shape.rank() == inputs[i].shape.rank();
    if (inputs[i].dtype == spec.dtype && same_rank) continue;
    Refuse("The model's input \"" + spec.name + "\" takes " + Describe(spec.dtype, spec.shape) +
           " but was called with " + Describe(inputs[i]) + ".");
  }
}

}  // namespace ke::trace
