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

// The definitions of TensorFlow's ops, asked of the loaded library and kept. One import owns one.
class OpRegistry {
 public:
  // `allowed` may be part of the model, too. Throws INVALID_ARGUMENT where one of them is no op, or runs
  // functions.
  explicit OpRegistry(const std::vector<std::string>& allowed = {});

  // Throws UNIMPLEMENTED, naming the node, where the loaded TensorFlow knows no such op.
  const proto::OpDef& Get(std::string_view op, std::string_view node);

  // Whether the op is stateful by its definition; true for an op that is not known.
  bool MayHaveEffects(std::string_view op);

  // Throws UNIMPLEMENTED, naming op and node, where the op is not known to be computation on its inputs
  // alone, nor allowed.
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
