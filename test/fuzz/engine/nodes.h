// Random nodes from the definitions of TensorFlow's ops. A node has every attribute of its op, and most
// attributes have a valid value. Only nodes like these reach TensorFlow's shape functions and our code behind
// them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace ke::fuzz {

class NodeMaker {
 public:
  // Uses those `words` that are ops of the loaded TensorFlow.
  explicit NodeMaker(const std::vector<std::string>& words);

  // Returns serialised NodeDefs: a node of a random op named `name`, whose inputs are among `inputs`,
  // preceded by the constants that the node takes as sizes, axes and other arguments.
  std::vector<std::string> Make(const std::string& name, const std::vector<std::string>& inputs,
                                std::mt19937* random) const;

 private:
  struct Argument {
    uint64_t type = 0;  // 0: the type is in type_attr
    std::string type_attr;
    std::string number_attr;
    std::string type_list_attr;
  };
  struct Attribute {
    std::string name;
    std::string type;
    bool has_default = false;
    uint64_t default_type = 0;
    std::vector<uint64_t> types;       // the allowed dtypes
    std::vector<std::string> strings;  // the allowed strings
  };
  struct Op {
    std::string name;
    std::vector<Argument> inputs;
    std::vector<Attribute> attrs;
  };
  class Writer;

  static Op Parse(std::string_view bytes);

  std::vector<Op> ops_;
};

}  // namespace ke::fuzz
