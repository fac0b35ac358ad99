#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "graph/proto.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// The definitions of TensorFlow's ops, asked of the loaded library and kept. One import owns one.
class OpRegistry {
 public:
  OpRegistry();

  // Throws UNIMPLEMENTED, naming the node, where the loaded TensorFlow knows no such op.
  const proto::OpDef& Get(std::string_view op, std::string_view node);

  // Whether the op is stateful by its definition; true for an op that is not known.
  bool MayHaveEffects(std::string_view op);

  // Throws UNIMPLEMENTED, naming op and node, where the op is more than computation on its inputs: it reads
  // or writes files, runs foreign code, keeps state, or runs functions that import does not inline.
  void CheckPure(std::string_view op, std::string_view node);

 private:
  struct Entry {
    std::string bytes;
    proto::OpDef definition;
  };
  const proto::OpDef* Find(std::string_view op);

  tf::GraphPtr scratch_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
};

}  // namespace ke::graph
