// Checks of what a method records. Messages use the argument names of the method API.
#pragma once

#include <string>
#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// Returns a symbol as messages show it: "float32 (null, 3)".
std::string Describe(const Symbol& symbol);

// All functions below throw INVALID_ARGUMENT.

// Checks that every symbol has a floating dtype. `argument`: "ys" or "xs".
void CheckDifferentiable(const std::string& argument, const std::vector<Symbol>& symbols);
// Checks that the incoming gradient of `ys[i]` has the dtype and shape of that y.
void CheckGradY(size_t i, const Symbol& y, const Symbol& grad);
// Checks that `ys` has unit axes after the samples axis.
void CheckUnits(const Symbol& ys);
// Checks that the value kept per unit has the samples as its first axis.
void CheckKept(const Symbol& kept);
void CheckCount(const Symbol& count);
// Checks that a loop's condition returns one bool scalar.
void CheckCondition(const Symbol& result);
// Checks that a loop's body returns one value per variable. `initial`: the number of variables.
void CheckVariables(size_t results, size_t initial);
// Checks variable `i` of a loop. `variable` is the parameter of the body, `initial` the first value, and
// `result` the next value.
void CheckVariable(size_t i, const Symbol& initial, const Symbol& variable, const Symbol& result);
// Checks that `inputs` have the dtypes and ranks that the model declares.
void CheckModelInputs(const graph::ModelGraph& model, const std::vector<Symbol>& inputs);

}  // namespace ke::trace
