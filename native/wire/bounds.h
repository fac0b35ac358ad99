// What a model's file may ask for. Bounds lie far above any real model: they are there so that a broken or
// hostile file is refused before it costs memory or hours, not to judge models. A file beyond a bound is
// refused with OUT_OF_RANGE, unless the bound's own comment says otherwise; a file that contradicts itself,
// as one whose calls lead in a circle, with DATA_LOSS.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "wire/proto.h"
#include "wire/shape.h"

namespace ke::graph {

namespace bounds {

// No protocol buffer is larger, nor may the graph be that import makes.
constexpr int64_t kGraphBytes = std::numeric_limits<int32_t>::max();
// keras_metadata.pb and a checkpoint's index: some megabytes for thousands of layers. Text of JSON takes 60
// times its size.
constexpr int64_t kSideFileBytes = 64 << 20;
// Values of one JSON text, and how deep they nest: the parser recurses. Text beyond either is no JSON to it.
constexpr int64_t kJsonValues = 2'000'000;
constexpr int kJsonDepth = 200;
// Layers within each other, in Keras' metadata, where deeper ones are left out, and name scopes, where a
// deeper one counts as the outermost within the bound. Real models nest some ten deep. Walks over both trees
// recurse.
constexpr int kLayerDepth = 64;
constexpr int kScopeDepth = 48;
// Calls of layers that Keras' metadata lays over a graph.
constexpr int64_t kLayerCalls = 1'000'000;
// What a checkpoint's index lists, and the bytes of its keys, of which it stores only what is new in each.
constexpr int64_t kStored = 1'000'000;
constexpr int64_t kStoredKeys = 256 << 20;
// Of one graph or function as it is read: nodes (as kItemsOfNode each), their inputs and attributes.
constexpr int64_t kItems = 10'000'000;
constexpr int64_t kItemsOfNode = 4;
// Attributes of one node, which are looked up one by one.
constexpr int64_t kAttrs = 1'000;
// Calls within each other; a real model has some tens.
constexpr int kDepth = 256;
// Calls in all, the nodes of their bodies, and the bytes of these nodes' names with the scopes that they get.
constexpr int kCalls = 50'000;
constexpr int64_t kCalledNodes = 10'000'000;
constexpr int64_t kCalledNames = int64_t{1} << 30;
// Steps, from a tensor to what stands for it inside or outside of a call, of all tensors that are followed.
constexpr int64_t kSteps = 10'000'000;
// Nodes that outputs need, and the tensors that these give: NASNetLarge has some thousands.
constexpr int64_t kNodes = 1'000'000;
constexpr int64_t kTensors = 4'000'000;
// Elements of a shape: as bytes of the largest dtype they are still counted in 63 bits.
constexpr int64_t kElements = int64_t{1} << 58;
// Bytes that constants of the graph have beyond what is stored of them, all together: a constant may be
// stored short, and its last value is then repeated to the end.
constexpr int64_t kRepeatedBytes = int64_t{1} << 30;
// Values that the checks of `runEagerly` look back at behind selections, all together.
constexpr int64_t kSources = 1'000'000;

}  // namespace bounds

// Throws OUT_OF_RANGE: `what` has more than `most` (of `unit`).
[[noreturn]] void TooMuch(const std::string& what, int64_t most, const std::string& unit,
                          std::string_view node = {});

// Throws where `shape`, of `what`, is none that a tensor can have: its rank, a dim below -1, more elements
// than kElements.
void CheckShape(const Shape& shape, const std::string& what, std::string_view node = {});

// How many elements a fully known shape has that passed CheckShape.
int64_t Elements(const Shape& shape);

// What was taken from a file so far, and how much more may be.
class Allowance {
 public:
  Allowance(int64_t most, std::string unit) : most_(most), left_(most), unit_(std::move(unit)) {}

  // Throws OUT_OF_RANGE, in the name of `what`, where there is not so much left.
  void Take(int64_t count, const std::string& what, std::string_view node = {}) {
    if (count > left_) TooMuch(what, most_, unit_, node);
    left_ -= count;
  }

 private:
  int64_t most_;
  int64_t left_;
  std::string unit_;
};

// Checks what a node's attributes say of tensors and shapes: a serialised TensorProto has as many values as
// its shape has elements, or repeats its last within what is left of `repeated`.
void CheckAttr(proto::Bytes attr, std::string_view name, std::string_view node, Allowance* repeated);

}  // namespace ke::graph
