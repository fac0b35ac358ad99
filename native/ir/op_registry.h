#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"
#include "wire/proto.h"

namespace ke::graph {

// The definitions of TensorFlow's ops, requested from the loaded library and cached. Each import has its own
// registry.
class OpRegistry {
 public:
  // `allowed` ops may also be part of the model. With `allow_random`, also ops that draw random numbers from
  // the state of a generator. Throws INVALID_ARGUMENT if one of `allowed` is not an op or runs functions.
  explicit OpRegistry(const std::vector<std::string>& allowed = {}, bool allow_random = false);

  // Throws UNIMPLEMENTED with the name of the node if the loaded TensorFlow has no such op.
  const proto::OpDef& Get(std::string_view op, std::string_view node);

  // Returns whether the op is stateful by definition. True for an unknown op.
  bool MayHaveEffects(std::string_view op);

  // Throws UNIMPLEMENTED with the names of op and node unless the op is pure or allowed. An op that draws
  // random numbers from the state of a generator is refused without `allow_random`, and if no op draws its
  // numbers from a seed.
  void CheckPure(std::string_view op, std::string_view node);
  // Returns whether the caller named the op in `allowed`.
  bool IsAllowed(std::string_view op) const { return allowed_.count(op) > 0; }

 private:
  struct Entry {
    std::string bytes;
    proto::OpDef definition;
  };
  const proto::OpDef* Find(std::string_view op);
  void CheckRandom(std::string_view op, std::string_view node) const;

  tf::GraphPtr scratch_;
  std::set<std::string, std::less<>> allowed_;
  bool allow_random_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
};

}  // namespace ke::graph
