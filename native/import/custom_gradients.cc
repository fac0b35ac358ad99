#include "import/custom_gradients.h"

#include <deque>
#include <optional>
#include <set>

#include "import/function_inliner.h"
#include "ir/tensor_specs.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/read_fields.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

constexpr char kCall[] = "gradient";
constexpr char kVariableHandle[] = "VarHandleOp";

[[noreturn]] void Contradiction(const std::string& message) {
  throw tf::Error(TF_DATA_LOSS, "the gradient function contradicts the op: " + message);
}

// Returns the integers of a list.
std::vector<int64_t> Ints(proto::Bytes attr) {
  std::vector<int64_t> values;
  proto::ForEachField(attr, [&](protozero::pbf_reader& reader) {
    if (reader.tag() != fields::attr_value::kList) return reader.skip();
    proto::ForEachField(proto::ReadBytes(reader), [&](protozero::pbf_reader& item) {
      if (item.tag() != fields::attr_value::kInt) return item.skip();
      proto::ReadInts(item, &values);
    });
  });
  return values;
}

// Returns the result of the function for each of `inputs` inputs of the op: an index, or -1 for None.
std::vector<int> ResultsOf(const proto::FunctionDef& function, const proto::SavedFunction* saved,
                           size_t inputs) {
  const size_t results = function.signature.outputs.size();
  std::vector<bool> is_tensor(inputs, true);
  if (saved != nullptr && !saved->results.empty()) is_tensor = saved->results;
  if (is_tensor.size() != inputs) {
    Contradiction("expected " + std::to_string(inputs) + " results, found " +
                  std::to_string(is_tensor.size()));
  }
  std::vector<int> of_input;
  int next = 0;
  for (const bool each : is_tensor) of_input.push_back(each ? next++ : -1);
  if (static_cast<size_t>(next) != results) {
    Contradiction("expected " + std::to_string(next) + " tensors, found " + std::to_string(results));
  }
  return of_input;
}

}  // namespace

CustomGradients::CustomGradients(CallTree* tree, OpRegistry* ops, const proto::MetaGraphDef& meta,
                                 std::map<int, Source> variables)
    : tree_(*tree), ops_(*ops), meta_(meta), variables_(std::move(variables)) {}

const CustomGradients::Use* CustomGradients::Find(const Source& at) {
  const auto type = proto::AttrString(tree_.Attr(at.call, at.node, "_gradient_op_type"));
  if (!type || type->empty()) {
    if (tree_.Node(at).op != "IdentityN") return nullptr;
    const auto known = uses_.find({at.call, at.node});
    if (known != uses_.end()) return known->second.get();
    std::unique_ptr<CustomGradient> carried = Carried(at);
    if (carried == nullptr) return nullptr;
    const CustomGradient* gradient = carried_.emplace_back(std::move(carried)).get();
    return (uses_[{at.call, at.node}] = std::make_unique<Use>(Use{gradient, {}})).get();
  }
  const auto [entry, added] = uses_.try_emplace({at.call, at.node});
  if (!added) return entry->second.get();
  const auto registered = meta_.graph.gradients.find(*type);
  // Python wraps every function with a custom gradient in an IdentityN. Only tf.Graph.gradient_override_map
  // gives other ops a gradient.
  if (registered == meta_.graph.gradients.end() || tree_.Node(at).op != "IdentityN") {
    unknown_.push_back(tree_.FlatName(at.call, at.node));
    return nullptr;
  }
  Use use;
  try {
    use = Resolved(at, registered->second);
  } catch (const tf::Error& error) {
    // The model runs without the gradient. Only a call that differentiates the op fails.
    refused_.emplace_back().refusal = error.what();
    use = {&refused_.back(), {}};
  }
  entry->second = std::make_unique<Use>(std::move(use));
  return entry->second.get();
}

CustomGradients::Use CustomGradients::Resolved(const Source& at, std::string_view name) {
  const auto bytes = meta_.graph.functions.find(name);
  if (bytes == meta_.graph.functions.end()) Contradiction("function " + Quote(name) + " is not defined");
  const proto::FunctionDef function = proto::ReadFunction(bytes->second, "function " + Quote(name));
  const size_t inputs = tree_.Node(at).inputs.size();
  if (function.signature.inputs.size() < inputs) Contradiction("the function has too few arguments");
  const size_t captures = function.signature.inputs.size() - inputs;
  const auto saved = meta_.objects.functions.find(name);
  const size_t bound = saved == meta_.objects.functions.end() ? 0 : saved->second.bound_inputs.size();
  if (bound != captures)
    Contradiction("the function captures " + std::to_string(captures) + " tensors, of which " +
                  std::to_string(bound) + " are saved");
  Use use;
  for (size_t k = 0; k < captures; ++k) {
    const int32_t id = saved->second.bound_inputs[k];
    const auto variable = variables_.find(id);
    if (variable != variables_.end()) {
      use.captured.push_back(variable->second);
      continue;
    }
    const bool known = id >= 0 && static_cast<size_t>(id) < meta_.objects.objects.size();
    const proto::SavedObject object = known ? meta_.objects.objects[id] : proto::SavedObject();
    if (object.captured_tensor.empty()) Contradiction("the function captures an object that is no tensor");
    int call = object.captured_from.empty() ? 0 : at.call;
    while (call > 0 && !object.captured_from.empty() &&
           tree_.call(call).function->signature.name != object.captured_from) {
      call = tree_.call(call).parent;
    }
    if (call == 0 && !object.captured_from.empty()) {
      Contradiction("function " + Quote(object.captured_from) +
                    ", which computes a captured tensor, does not call the op");
    }
    use.captured.push_back(tree_.ResolveGraphName(call, object.captured_tensor));
  }
  auto known = gradients_.find(name);
  if (known == gradients_.end()) {
    known = gradients_.emplace(name, Read(at, function, use.captured)).first;
  }
  use.gradient = &known->second;
  return use;
}

CustomGradient CustomGradients::Read(const Source& at, const proto::FunctionDef& function,
                                     const std::vector<Source>& captured) {
  const std::vector<TF_DataType> dtypes = proto::AttrTypes(tree_.Attr(at.call, at.node, "T"));
  const size_t inputs = tree_.Node(at).inputs.size();
  if (dtypes.size() != inputs) Contradiction("the op has another number of dtypes than of inputs");

  CustomGradient gradient;
  // A graph that calls the function.
  std::deque<std::string> texts;
  const auto text = [&](std::string value) -> std::string_view {
    return texts.emplace_back(std::move(value));
  };
  proto::GraphDef graph;
  graph.functions = meta_.graph.functions;
  proto::NodeDef call;
  call.name = kCall;
  call.op = function.signature.name;
  std::vector<TensorSpec> arguments;
  std::vector<int64_t> places;  // of the arguments, among those of the function
  for (size_t i = 0; i < function.signature.inputs.size(); ++i) {
    proto::NodeDef node;
    node.name = text(CustomGradientInput(static_cast<int64_t>(i)));
    call.inputs.push_back(node.name);
    const Source* source = i < inputs ? nullptr : &captured[i - inputs];
    if (source != nullptr && !source->IsArgument() && tree_.Node(*source).op == kVariableHandle) {
      node.op = kVariableHandle;
      for (const char* attr : {"dtype", "shape"}) {
        node.attrs.emplace_back(attr, tree_.Attr(source->call, source->node, attr));
      }
    } else {
      const proto::ArgDef& argument = function.signature.inputs[i];
      if (!argument.has_type) Contradiction("an argument of the function has no dtype");
      node.op = "Placeholder";
      arguments.push_back({std::string(node.name), argument.type, Shape::Unknown()});
      places.push_back(static_cast<int64_t>(i));
    }
    if (i >= inputs) gradient.captured.push_back(function.signature.inputs[i].type);
    graph.nodes.push_back(std::move(node));
  }
  graph.nodes.push_back(std::move(call));

  const auto saved = meta_.objects.functions.find(function.signature.name);
  const std::vector<int> results =
      ResultsOf(function, saved == meta_.objects.functions.end() ? nullptr : &saved->second, inputs);
  std::vector<TensorSpec> outputs;
  for (size_t i = 0; i < inputs; ++i) {
    if (results[i] < 0) continue;
    gradient.makes.push_back(static_cast<int64_t>(i));
    outputs.push_back({std::string(kCall) + ":" + std::to_string(results[i]), TF_FLOAT, Shape::Unknown()});
  }
  gradient.outputs = static_cast<int64_t>(inputs);
  Write(graph, arguments, places, outputs, &gradient);
  return gradient;
}

void CustomGradients::Write(const proto::GraphDef& graph, const std::vector<TensorSpec>& arguments,
                            const std::vector<int64_t>& places, const std::vector<TensorSpec>& outputs,
                            CustomGradient* gradient) {
  CallTree tree(graph, &ops_);
  Flattened flat = InlineFunctions(&tree, &ops_, arguments, outputs, NodeOrder::kDependency);
  for (int i = 0; i < tree.size(); ++i) {
    nodes_left_.Take(static_cast<int64_t>(tree.Nodes(i).size()), "what the gradient functions call");
  }
  flat.graph.versions = meta_.graph.versions;
  InferTensors(&flat.graph);
  if (!flat.graph.functions.empty()) {
    throw tf::Error(TF_UNIMPLEMENTED, "a gradient function with a loop or a branch is not supported");
  }

  std::set<int> read;
  for (const FlatNode& node : flat.graph.nodes) {
    for (const TensorId& input : node.inputs) read.insert(input.node);
    AppendNode(flat.graph, node, &gradient->graph_def);
  }
  for (const TensorId& output : flat.graph.outputs) read.insert(output.node);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (read.count(flat.graph.inputs[i].node) > 0) gradient->reads.push_back(places[i]);
  }
  // The nodes of the graph are the arguments, in their order.
  for (const VariableUse& variable : flat.variables) gradient->reads.push_back(variable.handle.node);
  for (size_t i = 0; i < outputs.size(); ++i) {
    AppendNode(CustomGradientOutput(gradient->makes[i]), "Identity",
               {flat.graph.TensorName(flat.graph.outputs[i])},
               {{"T", TypeAttr(flat.graph.output_specs[i].dtype)}}, &gradient->graph_def);
  }
  AppendVersions(flat.graph.versions, &gradient->graph_def);
}

std::unique_ptr<CustomGradient> CustomGradients::Carried(const Source& at) {
  const auto attr = [&](const char* name) { return tree_.Attr(at.call, at.node, name); };
  const auto refusal = proto::AttrString(attr(kCustomGradientRefusal));
  const auto bytes = proto::AttrString(attr(kCustomGradientGraph));
  if (!refusal && !bytes) return nullptr;
  auto gradient = std::make_unique<CustomGradient>();
  try {
    if (refusal) throw tf::Error(TF_UNIMPLEMENTED, std::string(*refusal));
    const auto tensors = std::ssize(proto::AttrTypes(attr("T")));
    gradient->outputs = proto::AttrInt(attr(kCustomGradientOutputs)).value_or(-1);
    if (gradient->outputs < 0 || gradient->outputs > tensors) Contradiction("it has other outputs");
    const proto::GraphDef graph = proto::ReadGraph(*bytes, "the graph of a gradient");
    if (!graph.functions.empty()) Contradiction("it has functions");
    std::map<std::string_view, const proto::NodeDef*> nodes;
    for (const proto::NodeDef& node : graph.nodes) nodes.emplace(node.name, &node);
    std::vector<TensorSpec> arguments;
    std::vector<TensorSpec> outputs;
    const std::vector<int64_t> places = Ints(attr(kCustomGradientReads));
    for (const int64_t place : places) {
      const std::string name = CustomGradientInput(place);
      const auto node = nodes.find(name);
      if (place < 0 || place >= tensors || node == nodes.end()) Contradiction("it reads what there is not");
      const auto dtype = proto::AttrType(node->second->Attr("dtype"));
      arguments.push_back({name, dtype.value_or(TF_FLOAT), Shape::Unknown()});
    }
    for (const int64_t made : Ints(attr(kCustomGradientMakes))) {
      const auto node = nodes.find(CustomGradientOutput(made));
      if (made < 0 || made >= gradient->outputs || node == nodes.end() || node->second->inputs.size() != 1) {
        Contradiction("it makes what nothing needs");
      }
      gradient->makes.push_back(made);
      outputs.push_back({std::string(node->second->inputs[0]), TF_FLOAT, Shape::Unknown()});
    }
    Write(graph, arguments, places, outputs, gradient.get());
    if (gradient->reads.size() > places.size()) Contradiction("it reads a variable");
  } catch (const tf::Error& error) {
    // The model runs without the gradient. Only a call that differentiates the op fails.
    *gradient = {};
    gradient->refusal = error.what();
  } catch (const protozero::exception& error) {
    *gradient = {};
    gradient->refusal = error.what();
  }
  return gradient;
}

std::optional<std::string> CustomGradients::Warning() const {
  if (unknown_.empty()) return std::nullopt;
  std::string text =
      "the file does not hold the custom gradient (tf.custom_gradient) of " + Quote(unknown_.front());
  if (unknown_.size() > 1) text += " and of " + std::to_string(unknown_.size() - 1) + " other ops";
  return text +
         ": the ops before it are differentiated instead. Save the model with "
         "tf.saved_model.SaveOptions(experimental_custom_gradients=True)";
}

}  // namespace ke::graph
