#pragma once

#include <string>
#include <vector>

#include "import/function_bodies.h"
#include "ir/call_tree.h"
#include "ir/flat_graph.h"

namespace ke::graph {

// A loop or a branch of the file, whose functions were expanded: which of its inputs and outputs stay if the
// resources are left out.
class ControlFlow {
 public:
  // Throws DATA_LOSS if the op and its functions disagree about the numbers and dtypes of their tensors, and
  // UNIMPLEMENTED if the op computes a resource.
  ControlFlow(CallTree* tree, const Source& at);

  // The calls of the functions: condition and body, or the branches.
  const std::vector<int>& calls() const { return calls_; }
  // The indices of the arguments, inputs and outputs that are no resources.
  const std::vector<size_t>& arguments() const { return arguments_; }
  const std::vector<size_t>& inputs() const { return inputs_; }
  const std::vector<int>& outputs() const { return outputs_; }
  // Returns whether function `index` is the body of a loop, which returns its arguments.
  bool IsLoopBody(size_t index) const { return control_ == Control::kWhile && index == 1; }

  // A tensor of the enclosing graph that the functions take as an argument after the others.
  struct Capture {
    TF_DataType dtype;
    Shape shape;
  };
  // Returns the node that runs `functions`, without its inputs. Throws DATA_LOSS if the results of the
  // functions have other dtypes than the op.
  FlatNode Node(const std::string& name, const std::vector<FunctionBody>& functions,
                const std::vector<Capture>& captures) const;

 private:
  const proto::FunctionDef& Function(size_t index) const { return *tree_.call(calls_[index]).function; }
  [[noreturn]] void Contradiction(const std::string& message) const;
  void CheckLoop();
  std::vector<Shape> OutputShapes() const;

  CallTree& tree_;
  Source at_;
  Control control_;
  std::vector<int> calls_;
  std::vector<size_t> arguments_;
  std::vector<size_t> inputs_;
  std::vector<int> outputs_;
  std::vector<TF_DataType> argument_dtypes_;  // of arguments_
  std::vector<TF_DataType> output_dtypes_;    // of outputs_
};

}  // namespace ke::graph
