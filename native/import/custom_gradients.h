// The gradient functions that a SavedModel holds for tf.custom_gradient.
//
// Python wraps the results and the inputs of a function with a custom gradient in one IdentityN, whose
// attribute _gradient_op_type names a gradient function of the file. The function takes the gradients of the
// IdentityN's outputs and tensors that it captured from the forward pass. It returns a gradient or None per
// input of the IdentityN.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/call_tree.h"
#include "ir/custom_gradient.h"
#include "ir/op_registry.h"
#include "wire/bounds.h"
#include "wire/proto.h"

namespace ke::graph {

class CustomGradients {
 public:
  // All arguments must outlive the object. `variables`: the VarHandleOps by their objects.
  CustomGradients(CallTree* tree, OpRegistry* ops, const proto::MetaGraphDef& meta,
                  std::map<int, Source> variables);

  // A gradient function at one IdentityN.
  struct Use {
    const CustomGradient* gradient;
    std::vector<Source>
        captured;  // the tensors, or the VarHandleOps of variables, that the function captures
  };
  // Returns the gradient function of the op at `at`. Returns null, and notes the op for Warning(), if the op
  // has a custom gradient that the file does not hold.
  const Use* Find(const Source& at);

  // Returns a sentence about the ops whose custom gradients the file does not hold, if there are any.
  std::optional<std::string> Warning() const;

 private:
  Use Resolved(const Source& at, std::string_view function);
  // Returns the gradient that the op carries as attributes, or null. The graph of the gradient is imported
  // again, because a file may hold anything.
  std::unique_ptr<CustomGradient> Carried(const Source& at);
  CustomGradient Read(const Source& at, const proto::FunctionDef& function,
                      const std::vector<Source>& captured);
  // Flattens the graph of a gradient into `gradient`. `places`: the numbers of `arguments` among what the
  // gradient reads.
  void Write(const proto::GraphDef& graph, const std::vector<TensorSpec>& arguments,
             const std::vector<int64_t>& places, const std::vector<TensorSpec>& outputs,
             CustomGradient* gradient);

  CallTree& tree_;
  OpRegistry& ops_;
  const proto::MetaGraphDef& meta_;
  std::map<int, Source> variables_;
  std::map<std::string_view, CustomGradient> gradients_;  // by function
  std::deque<CustomGradient> refused_;
  std::deque<std::unique_ptr<CustomGradient>> carried_;
  std::map<std::pair<int, int>, std::unique_ptr<Use>> uses_;
  std::vector<std::string> unknown_;
  Allowance nodes_left_{bounds::kCalledNodes, "nodes"};
};

}  // namespace ke::graph
