// The values of small integer tensors, such as shapes and axes, as far as a graph and the static shapes
// determine these values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/flat_graph.h"

namespace ke::graph {

struct SmallInteger {
  enum class Kind {
    kKnown,  // `value`
    kBatch,  // the number of samples of the batch, or the size of an axis that begins with the samples
    kSized,  // another number that depends on the number of samples
    kFree,   // unknown, but independent of the samples
  };
  Kind kind = Kind::kFree;
  int64_t value = 0;

  static SmallInteger Known(int64_t value) { return {Kind::kKnown, value}; }
  bool Is(int64_t other) const { return kind == Kind::kKnown && value == other; }
  // Returns whether the number depends on the number of samples.
  bool OfBatch() const { return kind == Kind::kBatch || kind == Kind::kSized; }
  bool operator==(const SmallInteger& other) const = default;
};

// The elements of a tensor in row-major order. None if the elements are not known.
using SmallIntegers = std::optional<std::vector<SmallInteger>>;

// Returns the product. Depends on the number of samples if a factor does.
SmallInteger Multiply(const SmallInteger& a, const SmallInteger& b);

// Returns the elements of the outputs of an op on integers. An output beyond the list is not known. `inputs`
// has an entry per input of the node. Consts are known whatever their rank. Results of other ops are scalars
// and vectors only: the caller drops results of a higher rank, except those of a Pack along axis 0.
std::vector<SmallIntegers> FoldIntegers(const FlatNode& node, const std::vector<SmallIntegers>& inputs);

}  // namespace ke::graph
