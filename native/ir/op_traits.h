// What is known of each op of TensorFlow: one table (op_traits.inc), which every pass asks.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace ke::graph {

// A set of traits. A row names only what is known for certain: an op without a trait may still be so.
using Traits = uint32_t;

// A trait includes what follows from it: a view keeps its values, and only computes.
namespace trait {

// Its results come from its inputs and attributes alone: what a model file may bring into a graph unless the
// caller allows more.
inline constexpr Traits kPure = 1U << 0;
// Stateful by TensorFlow's definition, though it only computes.
inline constexpr Traits kStateful = 1U << 1 | kPure;
// Draws numbers, at least where its attributes give no seed: equal inputs need not give equal results.
inline constexpr Traits kRandom = 1U << 2 | kPure;
// Not pure, but reaches nothing outside the graph and its variables, and never waits.
inline constexpr Traits kPlumbing = 1U << 3;
// No op has computed its values: a constant, a feed, a variable.
inline constexpr Traits kSource = 1U << 4;
// Looks at the variable that is its first input, and leaves it as it is.
inline constexpr Traits kReadsVariable = 1U << 5;

// Every value of its results is one of an input, or a constant, chosen by position: nothing is computed.
inline constexpr Traits kMovesValues = 1U << 6 | kPure;
// Its results hold each value of its inputs once, in some order and shape; of one data input, the first.
inline constexpr Traits kKeepsValues = 1U << 7 | kMovesValues;
// Result i has the memory of input i: the same values in the same order.
inline constexpr Traits kView = 1U << 8 | kKeepsValues;
// The values of its first input in another dtype.
inline constexpr Traits kConverts = 1U << 9 | kPure;
// Takes each value from its second or third input, as the first says.
inline constexpr Traits kSelects = 1U << 10 | kPure;
// Its results depend on the shapes of its inputs, and on no value.
inline constexpr Traits kShapeOnly = 1U << 11 | kPure;
// Asks what a number is, and gives truth values.
inline constexpr Traits kQuestion = 1U << 12 | kPure;
// Its results are finite where its inputs are: it changes no more than signs, or bounds or replaces values.
inline constexpr Traits kKeepsFinite = 1U << 13 | kPure;

// The first axis of its first result is as long as that of its first input.
inline constexpr Traits kKeepsFirstAxis = 1U << 14 | kPure;
// Computes each value from the value at the same place in its first input.
inline constexpr Traits kUnary = 1U << 15 | kKeepsFirstAxis;
// Computes each value from those at the same place in its two inputs, which are broadcast together.
inline constexpr Traits kBinary = 1U << 16 | kPure;
// Affine in each of its two inputs.
inline constexpr Traits kAffine = 1U << 17 | kBinary;
// a + b.
inline constexpr Traits kSum = 1U << 18 | kAffine;
// a / b.
inline constexpr Traits kQuotient = 1U << 19 | kBinary;
// Adds its second input, one value per channel, to its first.
inline constexpr Traits kBiasAdd = 1U << 20 | kKeepsFirstAxis;
// Sums products of its two operands, in each of which it is linear.
inline constexpr Traits kProduct = 1U << 21 | kPure;
inline constexpr Traits kMatrixProduct = 1U << 22 | kProduct;
// Convolves, forwards or transposed, with the kernel that is its second input.
inline constexpr Traits kConvolution = 1U << 23 | kProduct;
// x, scale, offset, mean, variance: normalises channels.
inline constexpr Traits kBatchNorm = 1U << 24 | kKeepsFirstAxis;
// Reduces its first input along the axes that its second names.
inline constexpr Traits kReduction = 1U << 25 | kPure;

// How much it gives depends on what it finds in its data: places that are not zero, an encoded picture.
inline constexpr Traits kFindsSize = 1U << 26;
// Decides what runs.
inline constexpr Traits kControlFlow = 1U << 27;
// Runs functions that its attributes name. Its results may be what it was given.
inline constexpr Traits kCallsFunctions = 1U << 28 | kControlFlow;
// Runs one function, once: its body may stand in its place.
inline constexpr Traits kPlainCall = 1U << 29 | kCallsFunctions;

}  // namespace trait

// 0 for an op that is not in the table.
Traits TraitsOf(std::string_view op);

// Whether the op has all of `traits`.
inline bool HasTrait(std::string_view op, Traits traits) { return (TraitsOf(op) & traits) == traits; }

// Whether the op has one of `traits`.
bool HasAnyTrait(std::string_view op, std::initializer_list<Traits> traits);

// Whether the op only computes, and gives the same again for the same inputs and attributes.
inline bool IsRepeatable(std::string_view op) {
  return HasTrait(op, trait::kPure) && !HasAnyTrait(op, {trait::kStateful, trait::kRandom});
}

// The table. For tests.
std::vector<std::pair<std::string_view, Traits>> AllOpTraits();

}  // namespace ke::graph
