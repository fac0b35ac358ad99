#include "import/control_flow.h"

#include <algorithm>

#include "tensorflow/dtype.h"
#include "wire/text.h"

namespace ke::graph {

namespace {

bool HasDType(const proto::ArgDef& argument) {
  return argument.has_type && argument.type_attr.empty() && argument.number_attr.empty() &&
         argument.type_list_attr.empty();
}

bool SameDTypes(const std::vector<proto::ArgDef>& a, const std::vector<proto::ArgDef>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const proto::ArgDef& left, const proto::ArgDef& right) {
                      return HasDType(left) && HasDType(right) && left.type == right.type;
                    });
}

}  // namespace

ControlFlow::ControlFlow(CallTree* tree, const Source& at)
    : tree_(*tree), at_(at), control_(ControlOf(tree->Node(at).op)) {
  const size_t functions = tree->Functions(at.call, at.node).size();
  for (size_t i = 0; i < functions; ++i) calls_.push_back(tree->ExpandBody(at.call, at.node, i));
  const size_t first = FirstArgument(control_);
  const size_t given = tree->Node(at).inputs.size();
  const std::vector<proto::ArgDef>& arguments = Function(0).signature.inputs;
  for (size_t i = 0; i < functions; ++i) {
    const proto::OpDef& signature = Function(i).signature;
    if (first + signature.inputs.size() != given) {
      Contradiction("function " + Quote(signature.name) + " takes " +
                    std::to_string(signature.inputs.size()) + " tensors, but is given " +
                    std::to_string(given < first ? 0 : given - first));
    }
    if (!SameDTypes(signature.inputs, arguments)) {
      Contradiction("functions " + Quote(Function(0).signature.name) + " and " + Quote(signature.name) +
                    " take tensors of different dtypes");
    }
  }
  if (control_ == Control::kWhile) CheckLoop();
  const std::vector<proto::ArgDef>& outputs = Function(control_ == Control::kWhile ? 1 : 0).signature.outputs;
  for (size_t i = 0; control_ != Control::kWhile && i < functions; ++i) {
    if (SameDTypes(Function(i).signature.outputs, outputs)) continue;
    Contradiction("its branches return tensors of different numbers or dtypes");
  }
  if (first > 0) inputs_.push_back(0);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].type == TF_RESOURCE) continue;
    arguments_.push_back(i);
    argument_dtypes_.push_back(arguments[i].type);
    inputs_.push_back(first + i);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type != TF_RESOURCE) {
      outputs_.push_back(static_cast<int>(i));
      output_dtypes_.push_back(outputs[i].type);
    } else if (control_ != Control::kWhile) {
      throw tf::Error(TF_UNIMPLEMENTED,
                      Quote(tree->Node(at).op) +
                          " chooses between resources: a variable, a table or another "
                          "resource must not depend on a predicate",
                      tree->FlatName(at.call, at.node));
    }
  }
}

void ControlFlow::Contradiction(const std::string& message) const {
  const std::string name = tree_.FlatName(at_.call, at_.node);
  throw tf::Error(TF_DATA_LOSS,
                  "the model's graph contradicts itself: in " + std::string(tree_.Node(at_).op) + " '" +
                      name + "', " + message,
                  name);
}

// A loop passes a resource from turn to turn unchanged.
void ControlFlow::CheckLoop() {
  const std::vector<proto::ArgDef>& arguments = Function(1).signature.inputs;
  const proto::OpDef& condition = Function(0).signature;
  if (condition.outputs.size() != 1) Contradiction("the condition does not return one tensor");
  if (!SameDTypes(Function(1).signature.outputs, arguments)) {
    Contradiction("the body does not return tensors of the dtypes that it takes");
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].type != TF_RESOURCE) continue;
    if (tree_.Result(calls_[1], i) == tree_.Argument(calls_[1], i)) continue;
    const std::string name = tree_.FlatName(at_.call, at_.node);
    throw tf::Error(TF_UNIMPLEMENTED,
                    "loop '" + name + "' changes the resource that it passes as '" +
                        std::string(arguments[i].name) + "' from turn to turn",
                    name);
  }
}

FlatNode ControlFlow::Node(const std::string& name, const std::vector<FunctionBody>& functions,
                           const std::vector<Capture>& captures) const {
  std::vector<TF_DataType> taken = argument_dtypes_;
  std::vector<TF_DataType> returned = output_dtypes_;
  std::vector<Shape> shapes = OutputShapes();
  std::vector<std::string> names;
  bool is_stateful = false;
  for (const Capture& capture : captures) {
    taken.push_back(capture.dtype);
    if (control_ != Control::kWhile) continue;
    returned.push_back(capture.dtype);
    shapes.push_back(capture.shape);
  }
  if (control_ == Control::kWhile && functions[0].results != std::vector<TF_DataType>{TF_BOOL}) {
    Contradiction("the condition does not return a truth value");
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    names.push_back(functions[i].name);
    is_stateful = is_stateful || functions[i].is_stateful;
    if (control_ == Control::kWhile && i == 0) continue;
    if (functions[i].results != returned) {
      Contradiction("function " + Quote(Function(i).signature.name) +
                    " returns tensors of other dtypes than it declares");
    }
  }
  // A loop or a branch is stateful in a file if it reads variables. Without state, TensorFlow may drop or
  // move it.
  const std::string prefix = is_stateful ? "" : "Stateless";
  FlatNode node{FlatNode::Kind::kOp, name, {}, {}, {}};
  node.attrs.emplace_back("output_shapes", ShapesAttr(shapes));
  // Without this attribute, each turn would be a function call with threads of its own.
  node.attrs.emplace_back("_lower_using_switch_merge", BoolAttr(true));
  if (control_ == Control::kWhile) {
    node.op = prefix + "While";
    node.attrs.emplace_back("T", TypesAttr(taken));
    node.attrs.emplace_back("cond", FunctionAttr(names[0]));
    node.attrs.emplace_back("body", FunctionAttr(names[1]));
    const proto::Bytes turns = tree_.Attr(at_.call, at_.node, "parallel_iterations");
    if (!turns.empty()) node.attrs.emplace_back("parallel_iterations", turns);
    return node;
  }
  node.attrs.emplace_back("Tin", TypesAttr(taken));
  node.attrs.emplace_back("Tout", TypesAttr(returned));
  if (control_ == Control::kCase) {
    node.op = prefix + "Case";
    node.attrs.emplace_back("branches", FunctionsAttr(names));
    return node;
  }
  node.op = prefix + "If";
  node.attrs.emplace_back("Tcond", tree_.Attr(at_.call, at_.node, "Tcond"));
  node.attrs.emplace_back("else_branch", FunctionAttr(names[0]));
  node.attrs.emplace_back("then_branch", FunctionAttr(names[1]));
  return node;
}

// Returns the declared shapes of outputs_. Without declared shapes, TensorFlow would give the outputs of a
// loop the shapes of its inputs.
std::vector<Shape> ControlFlow::OutputShapes() const {
  const proto::Bytes attr = tree_.Attr(at_.call, at_.node, "output_shapes");
  const std::vector<Shape> declared = proto::AttrShapes(attr);
  std::vector<Shape> shapes;
  for (const int output : outputs_) {
    const auto index = static_cast<size_t>(output);
    shapes.push_back(index < declared.size() ? declared[index] : Shape::Unknown());
  }
  return shapes;
}

}  // namespace ke::graph
