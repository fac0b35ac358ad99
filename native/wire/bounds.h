// Limits on model files. The limits are far above any real model. They refuse a broken or hostile file before
// the file costs much memory or time. A file beyond a limit is refused with OUT_OF_RANGE, unless the comment
// of the limit says otherwise. A file that contradicts itself, for example by calls in a cycle, is refused
// with DATA_LOSS.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "wire/proto.h"
#include "wire/shape.h"

namespace ke::graph {

namespace bounds {

// The maximum size of a protocol buffer, and of the graph that import builds.
constexpr int64_t kGraphBytes = std::numeric_limits<int32_t>::max();
// keras_metadata.pb and the index of a checkpoint: some megabytes for thousands of layers. Parsed JSON takes
// 60 times the size of its text.
constexpr int64_t kSideFileBytes = 64 << 20;
// The maximum number of values and the maximum depth of a JSON text. The parser recurses and rejects text
// beyond either limit as invalid.
constexpr int64_t kJsonValues = 2'000'000;
constexpr int kJsonDepth = 200;
// Nested layers in Keras' metadata, where deeper layers are ignored, and nested name scopes, where a deeper
// scope counts as its ancestor at the limit. Real models nest about ten deep. Walks over both trees recurse.
constexpr int kLayerDepth = 64;
constexpr int kScopeDepth = 48;
// Calls of layers that Keras' metadata assigns to scopes of a graph.
constexpr int64_t kLayerCalls = 1'000'000;
// The tensors that the index of a checkpoint lists, and the bytes of their keys. The index stores only the
// new part of each key.
constexpr int64_t kStored = 1'000'000;
constexpr int64_t kStoredKeys = 256 << 20;
// Items of one graph or function: nodes (each counts as kItemsOfNode items), their inputs and attributes.
constexpr int64_t kItems = 10'000'000;
constexpr int64_t kItemsOfNode = 4;
// Attributes of one node. Attribute lookup is linear.
constexpr int64_t kAttrs = 1'000;
// Nested calls. A real model nests some tens of calls.
constexpr int kDepth = 256;
// Loops and branches within each other. A real model nests two or three. Import recurses into their bodies.
constexpr int kBodyDepth = 32;
// All calls, the nodes of the called bodies, and the bytes of the names of these nodes with their scopes.
constexpr int kCalls = 50'000;
constexpr int64_t kCalledNodes = 10'000'000;
constexpr int64_t kCalledNames = int64_t{1} << 30;
// Steps of all tensors that are followed through calls. One step leads from a tensor to its counterpart
// inside or outside a call.
constexpr int64_t kSteps = 10'000'000;
// Nodes that the outputs need, and the outputs of these nodes: NASNetLarge has some thousands.
constexpr int64_t kNodes = 1'000'000;
constexpr int64_t kTensors = 4'000'000;
// Elements of a shape. Their number of bytes in the largest dtype fits into 63 bits.
constexpr int64_t kElements = int64_t{1} << 58;
// Bytes of all constants of the graph beyond their stored bytes. A constant may be stored short: its last
// value then repeats to the end.
constexpr int64_t kRepeatedBytes = int64_t{1} << 30;
// Values that the numerics checks of `runEagerly` search behind selections, in total.
constexpr int64_t kSources = 1'000'000;

}  // namespace bounds

// Throws OUT_OF_RANGE with the message that `what` has more than `most` (of `unit`).
[[noreturn]] void TooMuch(const std::string& what, int64_t most, const std::string& unit,
                          std::string_view node = {});

// Throws if no tensor can have the shape `shape` of `what`: the rank is too high, a dim is below -1, or there
// are more than kElements elements.
void CheckShape(const Shape& shape, const std::string& what, std::string_view node = {});

// Returns the number of elements of a fully known shape that passed CheckShape.
int64_t Elements(const Shape& shape);

// Counts what was taken from a file, up to a limit.
class Allowance {
 public:
  Allowance(int64_t most, std::string unit) : most_(most), left_(most), unit_(std::move(unit)) {}

  // Throws OUT_OF_RANGE for `what` if fewer than `count` are left.
  void Take(int64_t count, const std::string& what, std::string_view node = {}) {
    if (count > left_) TooMuch(what, most_, unit_, node);
    left_ -= count;
  }

 private:
  int64_t most_;
  int64_t left_;
  std::string unit_;
};

// Checks the tensors and shapes in an attribute of a node. A serialised TensorProto must have as many values
// as its shape has elements, or repeat its last value within the rest of `repeated`.
void CheckAttr(proto::Bytes attr, std::string_view name, std::string_view node, Allowance* repeated);

}  // namespace ke::graph
