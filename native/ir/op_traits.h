// The properties of TensorFlow's ops: one table (op_traits.inc) for all passes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace ke::graph {

// A set of traits. A row lists only traits that are certain: an op may have a property without having the
// trait.
using Traits = uint32_t;

// A trait includes the traits that follow from it: for example, a view keeps its values and is pure.
namespace trait {

// The results depend only on the inputs and attributes. A model file may contain only pure ops, unless the
// caller allows more.
inline constexpr Traits kPure = 1U << 0;
// Stateful by TensorFlow's definition, but only computes.
inline constexpr Traits kStateful = 1U << 1 | kPure;
// Draws random numbers, at least if the attributes give no seed: equal inputs may give different results.
inline constexpr Traits kRandom = 1U << 2 | kPure;
// Not pure, but reaches nothing outside the graph and its variables, and never blocks.
inline constexpr Traits kPlumbing = 1U << 3;
// The values are not computed by an op: a constant, a feed, a variable.
inline constexpr Traits kSource = 1U << 4;
// Reads the variable that is the first input and does not change it.
inline constexpr Traits kReadsVariable = 1U << 5;

// Every value of the results is a value of an input, or a constant, chosen by position. Nothing is computed.
inline constexpr Traits kMovesValues = 1U << 6 | kPure;
// The results contain each value of the inputs once, in some order and shape. With one data input, the first
// input is the data input.
inline constexpr Traits kKeepsValues = 1U << 7 | kMovesValues;
// Result i shares the memory of input i: the same values in the same order.
inline constexpr Traits kView = 1U << 8 | kKeepsValues;
// The result has the values of the first input in another dtype.
inline constexpr Traits kConverts = 1U << 9 | kPure;
// Takes each value from the second or the third input, as the first input selects.
inline constexpr Traits kSelects = 1U << 10 | kPure;
// The results depend only on the shapes of the inputs, not on their values.
inline constexpr Traits kShapeOnly = 1U << 11 | kPure;
// Tests a property of numbers and returns truth values.
inline constexpr Traits kQuestion = 1U << 12 | kPure;
// The results are finite if the inputs are finite: the op only changes signs, or bounds or replaces values.
inline constexpr Traits kKeepsFinite = 1U << 13 | kPure;

// The first axis of the first result has the length of the first axis of the first input.
inline constexpr Traits kKeepsFirstAxis = 1U << 14 | kPure;
// Computes each value from the value at the same position of the first input.
inline constexpr Traits kUnary = 1U << 15 | kKeepsFirstAxis;
// Computes each value from the values at the same position of the two inputs, which are broadcast.
inline constexpr Traits kBinary = 1U << 16 | kPure;
// Affine in each of the two inputs.
inline constexpr Traits kAffine = 1U << 17 | kBinary;
// a + b.
inline constexpr Traits kSum = 1U << 18 | kAffine;
// a / b.
inline constexpr Traits kQuotient = 1U << 19 | kBinary;
// Adds the second input, one value per channel, to the first input.
inline constexpr Traits kBiasAdd = 1U << 20 | kKeepsFirstAxis;
// Sums products of the two operands. Linear in each operand.
inline constexpr Traits kProduct = 1U << 21 | kPure;
inline constexpr Traits kMatrixProduct = 1U << 22 | kProduct;
// A convolution or a transposed convolution. The second input is the kernel.
inline constexpr Traits kConvolution = 1U << 23 | kProduct;
// Normalises channels. The inputs are x, scale, offset, mean and variance.
inline constexpr Traits kBatchNorm = 1U << 24 | kKeepsFirstAxis;
// Reduces the first input along the axes in the second input.
inline constexpr Traits kReduction = 1U << 25 | kPure;

// The size of the result depends on the data, for example on the number of nonzero values or on an encoded
// picture.
inline constexpr Traits kFindsSize = 1U << 26;
// Control flow: determines which ops run.
inline constexpr Traits kControlFlow = 1U << 27;
// Runs functions that the attributes name. The results may be inputs.
inline constexpr Traits kCallsFunctions = 1U << 28 | kControlFlow;
// Runs one function once. The body of the function may replace the op.
inline constexpr Traits kPlainCall = 1U << 29 | kCallsFunctions;

}  // namespace trait

// Returns the traits of an op, or 0 if the op is not in the table.
Traits TraitsOf(std::string_view op);

// Returns whether the op has all of `traits`.
inline bool HasTrait(std::string_view op, Traits traits) { return (TraitsOf(op) & traits) == traits; }

// Returns whether the op has at least one of `traits`.
bool HasAnyTrait(std::string_view op, std::initializer_list<Traits> traits);

// Returns whether the op is pure and always produces equal outputs for equal inputs and attributes.
inline bool IsRepeatable(std::string_view op) {
  return HasTrait(op, trait::kPure) && !HasAnyTrait(op, {trait::kStateful, trait::kRandom});
}

// The table, for tests.
std::vector<std::pair<std::string_view, Traits>> AllOpTraits();

}  // namespace ke::graph
