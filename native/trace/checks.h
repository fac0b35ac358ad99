// What a method may not record. Messages name arguments as the author of a method writes them.
#pragma once

#include <string>
#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// As messages write a symbol: "float32 (null, 3)".
std::string Describe(const Symbol& symbol);

// All throw INVALID_ARGUMENT.

// What is differentiated, or differentiated by, is floating. `argument`: "ys" or "xs".
void CheckDifferentiable(const std::string& argument, const std::vector<Symbol>& symbols);
// The gradient that comes into y number `i` is shaped like it.
void CheckGradY(size_t i, const Symbol& y, const Symbol& grad);
// There are units along axes behind the samples.
void CheckUnits(const Symbol& ys);
// What is kept of a unit's gradient has samples along its first axis.
void CheckKept(const Symbol& kept);
void CheckCount(const Symbol& count);
// A loop's condition gives whether to go on.
void CheckCondition(const Symbol& result);
// A loop's body gives as many values as there are variables, `initial`.
void CheckVariables(size_t results, size_t initial);
// Variable number `i`, of the shape that `variable` has in the body, begins as `initial` and goes on as
// `result`.
void CheckVariable(size_t i, const Symbol& initial, const Symbol& variable, const Symbol& result);
// A model is called with tensors of the dtypes and ranks that it declares.
void CheckModelInputs(const graph::ModelGraph& model, const std::vector<Symbol>& inputs);

}  // namespace ke::trace
