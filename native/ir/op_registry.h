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
  // `allowed` ops may also be part of the model. Throws INVALID_ARGUMENT if one of them is not an op or runs
  // functions.
  explicit OpRegistry(const std::vector<std::string>& allowed = {});

  // Throws UNIMPLEMENTED with the name of the node if the loaded TensorFlow has no such op.
  const proto::OpDef& Get(std::string_view op, std::string_view node);

  // Returns whether the op is stateful by definition. True for an unknown op.
  bool MayHaveEffects(std::string_view op);

  // Throws UNIMPLEMENTED with the names of op and node unless the op is pure or allowed.
  void CheckPure(std::string_view op, std::string_view node);

 private:
  struct Entry {
    std::string bytes;
    proto::OpDef definition;
  };
  const proto::OpDef* Find(std::string_view op);

  tf::GraphPtr scratch_;
  std::set<std::string, std::less<>> allowed_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
};

}  // namespace ke::graph
