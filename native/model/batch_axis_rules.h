// What an op does with the axis of the samples: the rules of batch_mixing.h.
#pragma once

#include <vector>

#include "ir/flat_graph.h"
#include "model/small_integers.h"
#include "wire/shape.h"

namespace ke::graph {

// How a tensor depends on the samples of the batch.
struct SampleState {
  enum class Kind {
    kNone,     // not at all
    kSized,    // only on the number of samples
    kAxis,     // each index along `axis` depends on one sample
    kUnknown,  // in a way that the walk does not follow
    kMixed,    // values depend on several samples
  };
  Kind kind = Kind::kUnknown;
  int axis = 0;
  // Whether the samples are outermost along the axis: (N · T) and not (T · N).
  bool ordered = true;
  SmallIntegers integers;

  static SampleState None() { return {Kind::kNone, 0, true, std::nullopt}; }
  static SampleState Unknown() { return {}; }
  static SampleState Mixed() { return {Kind::kMixed, 0, true, std::nullopt}; }
  static SampleState Axis(int axis, bool ordered = true) {
    return {Kind::kAxis, axis, ordered, std::nullopt};
  }
  // Returns the state of integers: kSized if an element depends on the number of samples, else kNone.
  static SampleState Of(SmallIntegers integers);

  bool HasAxis() const { return kind == Kind::kAxis; }
  bool IsNone() const { return kind == Kind::kNone; }
};

// What is known of a tensor before a run.
struct TensorFacts {
  Shape shape;
  bool is_floating = false;

  int rank() const { return shape.rank(); }
};

// An op, with the states and facts of its inputs and the facts of its first output.
struct OpUse {
  const FlatNode& node;
  const std::vector<SampleState>& inputs;
  const std::vector<TensorFacts>& facts;
  TensorFacts output;
};

// Returns the states of the outputs. The last state holds for all further outputs.
std::vector<SampleState> StatesOfOutputs(const OpUse& use);

// The rules of ops that move positions (batch_axis_moves.cc) and of products (batch_axis_products.cc). Return
// the states as above. Return an empty list for any other op. At least one input has an axis of samples, no
// input is mixed.
std::vector<SampleState> StatesOfMoves(const OpUse& use);
std::vector<SampleState> StatesOfProducts(const OpUse& use);

// Returns the state of results that are computed position by position from broadcast inputs.
SampleState Broadcast(const OpUse& use);

// Returns input `i` as a known axis from 0 to `rank` - 1. Returns -1 if the axis is not known.
int KnownAxis(const OpUse& use, size_t i, int rank);

}  // namespace ke::graph
