// Nodes made up from the definitions of TensorFlow's ops: with every attribute that an op has, most of them
// of a value that it may have. Only such nodes reach what TensorFlow makes of them (its shape functions), and
// what we make of that.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace ke::fuzz {

class NodeMaker {
 public:
  // Of those `words` that are ops of the loaded TensorFlow.
  explicit NodeMaker(const std::vector<std::string>& words);

  // Serialised NodeDefs: one of any op, named `name`, whose inputs are among `inputs`, behind the constants
  // that it takes as sizes, axes and the like.
  std::vector<std::string> Make(const std::string& name, const std::vector<std::string>& inputs,
                                std::mt19937* random) const;

 private:
  struct Argument {
    uint64_t type = 0;  // 0: as type_attr says
    std::string type_attr;
    std::string number_attr;
    std::string type_list_attr;
  };
  struct Attribute {
    std::string name;
    std::string type;
    bool has_default = false;
    uint64_t default_type = 0;
    std::vector<uint64_t> types;       // that are allowed
    std::vector<std::string> strings;  // as well
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
