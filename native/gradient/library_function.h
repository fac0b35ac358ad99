// The body of a function in a graph's library, as nodes that can be added to another graph.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "build/scope.h"

namespace ke::gradient {

class LibraryFunction {
 public:
  // Whether the addon's own gates and counters are copied. An own op that is left out is replaced by its
  // first input. Numerics checks are always left out: closing a scope inserts its own checks.
  enum class OwnOps { kCopied, kLeftOut };

  // Reads function `name` from the library of `scope` or of a scope around `scope`. Throws DATA_LOSS if there
  // is no such function, and UNIMPLEMENTED if the body calls another function.
  LibraryFunction(const graph::Scope& scope, const std::string& name);

  int num_arguments() const { return static_cast<int>(arguments_.size()); }
  int num_results() const { return static_cast<int>(results_.size()); }
  bool has_own_ops() const { return has_own_ops_; }
  // Returns whether result i is argument i, without an op that changes the value.
  bool ReturnsArgument(int i) const;

  // Adds the ops that the results `wanted` (default: all) need to `scope`, with `arguments` in place of the
  // body's arguments. The names of the ops begin with `prefix`. Returns the results, with a null oper for
  // each result that is not wanted.
  std::vector<TF_Output> AddTo(graph::Scope* scope, const std::string& prefix,
                               const std::vector<TF_Output>& arguments, OwnOps own_ops,
                               const std::vector<bool>& wanted = {}) const;

 private:
  struct Tensor {
    int node;      // -1: an argument
    int position;  // the output of the node, or the index of the argument
  };
  struct Node {
    std::string name;
    std::string op;
    std::vector<Tensor> inputs;
    std::vector<std::pair<std::string, std::string>> attrs;
  };

  static bool IsLeftOut(const Node& node, OwnOps own_ops);
  // Returns the tensor that stands for `tensor` in a copy.
  Tensor Copied(Tensor tensor, OwnOps own_ops) const;
  std::string Spell(Tensor tensor) const;
  // Returns, per node, whether any of `results` needs the node in a copy.
  std::vector<bool> Needed(const std::vector<Tensor>& results, OwnOps own_ops) const;

  std::string name_;
  std::vector<std::string> arguments_;
  std::vector<Node> nodes_;
  std::vector<Tensor> results_;
  bool has_own_ops_ = false;
};

}  // namespace ke::gradient
