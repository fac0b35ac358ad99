// The context of a gradient rule: one op of the forward graph, the gradients of its outputs, and the
// gradients of its inputs, which the rule sets.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "build/scope.h"
#include "gradient/batch_axis.h"
#include "gradient/ops.h"

namespace ke::gradient {

struct Options;

// The walk of the tape that applies a rule.
struct Walk {
  BatchAxis* batch = nullptr;
  const Options* options = nullptr;
  // Returns the sum of the gradients that have arrived at a forward tensor so far, with a null oper if none
  // has.
  std::function<TF_Output(TF_Output)> so_far = nullptr;
};

// A context has two graphs. `forward` contains the op. `target` receives the gradient: `target` is the same
// graph, or the body of a loop inside `forward`. Methods named after the mathematics (X, Y, Dy) return
// tensors of the target.
//
// A rule sets the gradient of every input that Needs() one, or leaves a gradient unset if it is zero
// everywhere. Only tensors that a rule reads are captured and kept alive. Therefore a rule should read the
// output, or only shapes, if the gradient can be written that way.
class RuleContext {
 public:
  RuleContext(graph::Scope* forward, graph::Scope* target, TF_Operation* op,
              std::vector<TF_Output> output_gradients, std::vector<bool> needed, Walk walk = {});

  std::string type() const;
  std::string name() const;
  int num_inputs() const { return static_cast<int>(needed_.size()); }
  int num_outputs() const { return static_cast<int>(output_gradients_.size()); }
  TF_DataType InputType(int i) const { return graph::Scope::GetDType(Input(i)); }
  TF_DataType OutputType(int i) const { return graph::Scope::GetDType({op_, i}); }
  graph::Shape InputShape(int i) const { return forward_->GetShape(Input(i)); }
  graph::Shape OutputShape(int i) const { return forward_->GetShape({op_, i}); }

  int64_t AttrInt(const char* name) const;
  float AttrFloat(const char* name) const;
  bool AttrBool(const char* name) const;
  TF_DataType AttrType(const char* name) const;
  std::string AttrString(const char* name) const;
  std::vector<int64_t> AttrInts(const char* name) const;
  // Return the name of the function, or the names of the list of functions, in an attribute.
  std::string AttrFunction(const char* name) const;
  std::vector<std::string> AttrFunctions(const char* name) const;
  // Returns the elements of an integer input that is a Const; nullopt for any other input.
  std::optional<std::vector<int64_t>> ConstInts(int i) const;
  // As ConstInts, with negative elements counted from the end of `rank` axes.
  std::optional<std::vector<int>> ConstAxes(int i, int rank) const;

  // Returns whether input i lies on a path from an x. Other inputs (usually weights) get no gradient ops.
  bool Needs(int i) const { return needed_[i]; }
  bool NeedsAny(int begin, int end) const;
  // Returns whether an input on the path, or an output with a gradient, is complex.
  bool HasComplex() const;
  bool HasDy(int i = 0) const { return output_gradients_[i].oper != nullptr; }

  TF_Output X(int i = 0) { return target_->Import(Input(i)); }
  TF_Output Y(int i = 0) { return target_->Import({op_, i}); }
  // Returns the gradient of output i: zeros if no path leads from the output to a y.
  TF_Output Dy(int i = 0);
  // Return the shape of input i or output i, an int32 (or int64) vector: a Const if the shape is static.
  // Otherwise only the batch's size, or a Shape op in the forward graph, is read. The tensor itself is then
  // neither captured nor kept alive.
  TF_Output ShapeOfX(int i, TF_DataType dtype = TF_INT32);
  TF_Output ShapeOfY(int i, TF_DataType dtype = TF_INT32);

  void Set(int i, TF_Output gradient) { input_gradients_[i] = gradient; }
  // Returns the sum of the gradients that have arrived at input i from other ops, null if none has. A rule
  // that can add its own gradient to this sum cheaply sets the new sum by SetTotal.
  TF_Output SoFar(int i) const;
  void SetTotal(int i, TF_Output total);
  bool IsTotal(int i) const { return totals_[i]; }
  const std::vector<TF_Output>& input_gradients() const { return input_gradients_; }

  // Ops of the target and of the forward graph. Values that depend only on forward tensors are computed in
  // the forward graph, once instead of in every turn of a loop.
  const Ops& ops() const { return ops_; }
  const Ops& forward_ops() const { return forward_ops_; }
  TF_Output Input(int i) const;
  TF_Output Output(int i) const { return {op_, i}; }
  graph::Scope* forward() const { return forward_; }
  graph::Scope* target() const { return target_; }
  // Returns the options of the gradient, for the bodies of functions.
  const Options& options() const { return *walk_.options; }
  TF_Operation* op() const { return op_; }

  // Sums `gradient`, which has the shape of output 0, down to the shape of input i. Input i was broadcast
  // together with `operands` (all inputs by default). The last `trailing` axes are not broadcast (as in a
  // batch matrix product).
  TF_Output Unbroadcast(TF_Output gradient, int i, const std::vector<int>& operands = {}, int trailing = 0);
  // Reshapes to input i's shape.
  TF_Output ReshapeLikeX(TF_Output gradient, int i);
  // Broadcasts to input i's shape. The gradient must have the same number of axes.
  TF_Output BroadcastLikeX(TF_Output gradient, int i);

  // Throws UNIMPLEMENTED with the op's type, node and `reason`, such as "with dilations".
  [[noreturn]] void Refuse(const std::string& reason) const;
  // Refuses if any of `tensors`, gradients for which the ops of a function are computed again, needs random
  // numbers: other numbers would be drawn than in the forward pass.
  void RefuseRandomNumbers(const std::vector<TF_Output>& tensors) const;

 private:
  TF_Output ShapeOf(TF_Output tensor, TF_DataType dtype);
  tf::BufferPtr AttrBytes(const char* name) const;

  graph::Scope* forward_;
  graph::Scope* target_;
  TF_Operation* op_;
  std::vector<TF_Output> output_gradients_;
  std::vector<bool> needed_;
  std::vector<TF_Output> input_gradients_;
  std::vector<bool> totals_;  // whether an input gradient includes SoFar
  Walk walk_;
  Ops ops_;
  Ops forward_ops_;
};

using Rule = void (*)(RuleContext& c);

}  // namespace ke::gradient
