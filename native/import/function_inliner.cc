#include "import/function_inliner.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>

#include "import/check_node.h"
#include "import/checkpoint.h"
#include "import/constant_value.h"
#include "import/control_flow.h"
#include "import/custom_gradients.h"
#include "import/function_bodies.h"
#include "import/lookup_ops.h"
#include "import/lookup_tables.h"
#include "ir/flat_graph_builder.h"
#include "ir/op_traits.h"
#include "wire/bounds.h"
#include "wire/write_tensor.h"

namespace ke::graph {
namespace {

using Place = std::pair<int, int>;  // call, node

// Flattens the model's graph or, with `outer`, the body of a loop or a branch in the graph of `outer`.
class Inliner {
 public:
  Inliner(CallTree* tree, OpRegistry* ops, const Extras& extras)
      : tree_(*tree), ops_(*ops), extras_(extras), root_(*this), functions_(&graph_, ops) {
    graph_.versions = tree->versions();
  }
  Inliner(Inliner* outer, int call)
      : tree_(outer->tree_),
        ops_(outer->ops_),
        extras_(outer->extras_),
        root_(outer->root_),
        body_(call),
        functions_(&root_.graph_, &ops_) {
    graph_.versions = root_.graph_.versions;
    const auto& arguments = tree_.call(call).function->signature.inputs;
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (arguments[i].type == TF_RESOURCE) continue;
      const TensorSpec spec{std::string(arguments[i].name), arguments[i].type, Shape::Unknown()};
      const Source source = Source::OfArgument(call, static_cast<int>(i));
      known_[{call, source.node, 0}] = Placed(builder_.AddInput(spec.name, spec), {call, source.node});
    }
  }

  Flattened Run(const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs,
                NodeOrder order) {
    for (const TensorSpec& input : inputs) AddInput(input);
    for (const TensorSpec& output : outputs) {
      builder_.AddOutput(Flatten([&] { return tree_.Resolve(0, output.name); }), output);
    }
    RefuseChangedVariables(&tree_, &ops_, graph_, weights_);
    CollectNames();
    std::vector<std::vector<int>> rank;
    // Nodes were added after the nodes that they need.
    for (size_t i = 0; i < places_.size(); ++i) {
      rank.push_back(order == NodeOrder::kFile ? Rank(places_[i]) : std::vector<int>{static_cast<int>(i)});
    }
    SortNodes(&graph_, rank);
    return {builder_.Finish(), std::move(variables_)};
  }

 private:
  // Notes the place of the node that was just added.
  TensorId Placed(TensorId added, const Place& place) {
    places_.push_back(place);
    return added;
  }

  void AddInput(const TensorSpec& spec) {
    const Source source = tree_.Resolve(0, spec.name);
    const TensorId input =
        Placed(builder_.AddInput(tree_.FlatName(source.call, source.node), spec), {source.call, source.node});
    known_[{source.call, source.node, source.output}] = input;
  }

  // Returns the flat tensor for the source that `resolve` returns, after adding all nodes that the tensor
  // needs. The walk is depth-first over an explicit stack, because a model may be deeper than the stack of a
  // thread allows. A branch that always runs becomes a call during the walk: sources are then resolved again.
  template <typename Resolve>
  TensorId Flatten(Resolve resolve) {
    while (!IsDone(resolve())) AddNodes(resolve());
    return Lookup(resolve());
  }

  void AddNodes(const Source& source) {
    std::vector<Source> stack = {source};
    while (!stack.empty()) {
      const Source at = stack.back();
      const Place place{at.call, at.node};
      if (IsDone(at)) {
        stack.pop_back();
        continue;
      }
      // Only resources are followed out of a body.
      if (tree_.call(at.call).body != body_) {
        throw tf::Error(TF_UNIMPLEMENTED,
                        "a loop or a branch of the model uses resource '" + Name(at) +
                            "' for something else than reading a variable",
                        Name(at));
      }
      if (tree_.IsCall(at.call, at.node)) {
        stack.pop_back();
        continue;
      }
      if (open_.insert(place).second) CheckNode(&tree_, &ops_, at, &root_.tensors_left_);
      if (const std::optional<Source> predicate = UndecidedPredicate(at)) {
        if (!IsDone(*predicate)) {
          RefuseCycle(at, *predicate);
          stack.push_back(*predicate);
        } else if (Decide(at, *predicate)) {
          stack.pop_back();
          open_.erase(place);
        }
        continue;
      }
      bool waits = false;
      // The first input is pushed last and is therefore visited first.
      for (const Source& input : Needed(at)) {
        if (IsDone(input)) continue;
        RefuseCycle(at, input);
        stack.push_back(input);
        waits = true;
      }
      if (waits) continue;
      stack.pop_back();
      open_.erase(place);
      if (ControlOf(tree_.Node(at).op) == Control::kNone) {
        done_[place] = Emit(at);
      } else {
        EmitControlFlow(at);
        done_[place] = -1;
      }
    }
  }

  // Returns the tensors that the op needs, last first.
  std::vector<Source> Needed(const Source& at) {
    std::vector<Source> needed;
    if (IsLookup(at)) {
      const LookupTable& table = extras_.tables->Get(at);
      if (table.values) needed.push_back(*table.values);
    }
    const CustomGradients::Use* custom = Gradient(at);
    if (custom != nullptr && IsWithin(*custom)) {
      for (const Source& captured : custom->captured) {
        if (!IsVariable(captured)) needed.push_back(captured);
      }
    }
    for (size_t i = tree_.Node(at).inputs.size(); i-- > 0;) {
      if (!IsHandle(&tree_, at, i)) needed.push_back(tree_.Input(at, i));
    }
    return needed;
  }

  bool IsVariable(const Source& at) const { return !at.IsArgument() && tree_.Node(at).op == "VarHandleOp"; }

  const CustomGradients::Use* Gradient(const Source& at) {
    return extras_.gradients == nullptr ? nullptr : extras_.gradients->Find(at);
  }

  // Returns whether this graph has all tensors that the gradient captures.
  bool IsWithin(const CustomGradients::Use& custom) const {
    return std::all_of(custom.captured.begin(), custom.captured.end(), [&](const Source& captured) {
      return IsVariable(captured) || tree_.call(captured.call).body == body_;
    });
  }

  bool IsLookup(const Source& at) const {
    return body_ == 0 && extras_.tables != nullptr && ReadsLookupTable(tree_.Node(at).op);
  }

  bool IsDone(const Source& at) const {
    return known_.count({at.call, at.node, at.output}) > 0 || done_.count({at.call, at.node}) > 0;
  }

  // Only nodes that wait for their inputs are open: such a node is on the path that led to `at`.
  void RefuseCycle(const Source& at, const Source& input) const {
    if (open_.count({input.call, input.node}) == 0) return;
    throw tf::Error(TF_UNIMPLEMENTED,
                    "the model's graph has a cycle through '" + Name(at) +
                        "': a loop of TensorFlow 1, or a damaged file. Freeze the model so that loops stay "
                        "functions: in TensorFlow 2, convert_variables_to_constants_v2(function, "
                        "lower_control_flow=False); in TensorFlow 1, call "
                        "tf.compat.v1.enable_control_flow_v2() before the graph is built",
                    Name(at));
  }

  TensorId Lookup(const Source& at) const {
    const auto known = known_.find({at.call, at.node, at.output});
    if (known != known_.end()) return known->second;
    const int node = done_.at({at.call, at.node});
    if (node < 0) {
      throw tf::Error(TF_DATA_LOSS,
                      "the model's graph contradicts itself: '" + Name(at) + "' has no output " +
                          std::to_string(at.output) + " that is a tensor",
                      Name(at));
    }
    return {node, at.output};
  }

  std::string Name(const Source& at) const { return tree_.FlatName(at.call, at.node); }

  int Emit(const Source& at) {
    const proto::NodeDef& def = tree_.Node(at);
    if (IsOldVariable(def.op)) return Value(root_.Weight(at)).node;
    if (def.op == "ReadVariableOp") return Value(Variable(at)).node;
    if (def.op == "ResourceGather" || def.op == "ResourceGatherNd") return Gather(at);
    if (def.op == "VariableShape") return VariableShape(at);
    if (ReadsLookupTable(def.op)) return TableLookup(at);
    FlatNode node;
    node.name = Name(at);
    // Nothing feeds a placeholder that is none of the model's inputs.
    const bool defaults = def.op == "PlaceholderWithDefault";
    node.op = defaults ? "Identity" : def.op;
    for (size_t i = 0; i < def.inputs.size(); ++i) {
      const Source input = tree_.Input(at, i);
      if (!input.IsArgument() && IsOldVariable(tree_.Node(input).op)) {
        root_.graph_.weights[root_.Weight(input)].readers.push_back(node.name);
      }
      node.inputs.push_back(Lookup(input));
    }
    for (const auto& [name, value] : def.attrs) {
      // Internal attributes of the runtime that wrote the file: colocation, shapes, compilation.
      if (name.starts_with('_')) continue;
      if (defaults && name != "dtype") continue;
      node.attrs.emplace_back(defaults ? "T" : name, tree_.Attr(at.call, at.node, name));
    }
    if (const CustomGradients::Use* custom = Gradient(at)) Attach(at, *custom, &node);
    return Placed(builder_.Add(std::move(node)), {at.call, at.node}).node;
  }

  int TableLookup(const Source& at) {
    if (!IsLookup(at)) {
      throw tf::Error(TF_UNIMPLEMENTED,
                      "'" + Name(at) + "' reads a lookup table in a loop, a branch or a gradient", Name(at));
    }
    const LookupTable& table = extras_.tables->Get(at);
    const auto add = [&](std::string name, std::string op, std::vector<TensorId> inputs,
                         std::vector<std::pair<std::string, std::string>> attrs) {
      return Placed(builder_.AddOp(std::move(name), std::move(op), std::move(inputs), std::move(attrs)),
                    {at.call, at.node});
    };
    if (tree_.Node(at).op == "LookupTableSizeV2") {
      return add(Name(at), "Const", {},
                 {{"dtype", TypeAttr(TF_INT64)},
                  {"value", IntTensorAttr(TF_INT64, {}, {std::ssize(table.keys)})}})
          .node;
    }
    if (tree_.Node(at).inputs.size() != 3) {
      throw tf::Error(TF_DATA_LOSS, "'" + Name(at) + "' needs a table, keys and a default value", Name(at));
    }
    const TensorId values = table.values ? Lookup(*table.values) : TensorId();
    return AddLookup(add, Name(at), table, Lookup(tree_.Input(at, 1)), Lookup(tree_.Input(at, 2)), values)
        .node;
  }

  // Appends what the custom gradient of an IdentityN reads to the inputs and outputs of the IdentityN.
  void Attach(const Source& at, const CustomGradients::Use& custom, FlatNode* node) {
    if (!IsWithin(custom)) {
      CustomGradient refused;
      refused.refusal = "the gradient reads a tensor from outside a loop or a branch";
      for (auto& attr : AttrsOf(refused, 0)) node->attrs.push_back(std::move(attr));
      return;
    }
    std::vector<TF_DataType> dtypes = proto::AttrTypes(node->Attr("T"));
    for (auto& attr : AttrsOf(*custom.gradient, static_cast<int64_t>(dtypes.size()))) {
      node->attrs.push_back(std::move(attr));
    }
    for (size_t i = 0; i < custom.captured.size(); ++i) {
      const Source& captured = custom.captured[i];
      if (IsVariable(captured)) {
        const int weight = root_.Weight(captured);
        node->inputs.push_back(Value(weight));
        dtypes.push_back(root_.graph_.weights[weight].dtype);
      } else {
        node->inputs.push_back(Lookup(captured));
        dtypes.push_back(custom.gradient->captured[i]);
      }
    }
    for (auto& [name, value] : node->attrs) {
      if (name == "T") value = TypesAttr(dtypes);
    }
  }

  // Returns the predicate of a branch for which Decide was not called yet.
  std::optional<Source> UndecidedPredicate(const Source& at) {
    const Control control = ControlOf(tree_.Node(at).op);
    if (control != Control::kIf && control != Control::kCase) return std::nullopt;
    if (tree_.Node(at).inputs.empty() || tree_.call(at.call).bodies_of.count(at.node) > 0)
      return std::nullopt;
    return tree_.Input(at, 0);
  }

  // Makes the branch a call if its predicate is constant, and returns true. Otherwise expands the branches.
  bool Decide(const Source& at, const Source& predicate) {
    const auto functions = static_cast<int64_t>(tree_.Functions(at.call, at.node).size());
    const std::optional<int64_t> value = constants_.Find(graph_, Lookup(predicate));
    if (!value) {
      for (int64_t i = 0; i < functions; ++i) tree_.ExpandBody(at.call, at.node, static_cast<size_t>(i));
      return false;
    }
    int64_t index = *value;
    if (ControlOf(tree_.Node(at).op) == Control::kIf) {
      index = index != 0 ? 1 : 0;
    } else if (index < 0 || index >= functions) {
      index = functions - 1;
    }
    tree_.Choose(at.call, at.node, static_cast<size_t>(index));
    return true;
  }

  // Adds a loop or a branch with its functions. Resources are not passed to the functions: the values of the
  // variables that they read become arguments after the others.
  void EmitControlFlow(const Source& at) {
    const ControlFlow op(&tree_, at);
    std::vector<std::unique_ptr<Inliner>> bodies;
    std::vector<std::vector<TensorId>> results;
    std::vector<int> captured;
    for (const int call : op.calls()) {
      bodies.push_back(std::make_unique<Inliner>(this, call));
      results.push_back(bodies.back()->Results(call));
      for (const auto& [weight, argument] : bodies.back()->captured_) captured.push_back(weight);
    }
    std::sort(captured.begin(), captured.end());
    captured.erase(std::unique(captured.begin(), captured.end()), captured.end());

    std::vector<FunctionBody> made;
    for (size_t i = 0; i < bodies.size(); ++i) {
      std::vector<TensorId> values;
      for (const int weight : captured) values.push_back(bodies[i]->Value(weight));
      FlatGraph body = bodies[i]->builder_.Finish();
      body.inputs.resize(op.arguments().size());
      body.inputs.insert(body.inputs.end(), values.begin(), values.end());
      if (op.IsLoopBody(i)) results[i].insert(results[i].end(), values.begin(), values.end());
      const std::string_view name = tree_.call(op.calls()[i]).function->signature.name;
      made.push_back(functions_.Add(std::move(body), std::move(results[i]), name, graph_.versions));
    }

    std::vector<ControlFlow::Capture> captures;
    std::vector<TensorId> inputs;
    for (const size_t input : op.inputs()) inputs.push_back(Lookup(tree_.Input(at, input)));
    for (const int weight : captured) {
      inputs.push_back(Value(weight));
      captures.push_back({root_.graph_.weights[weight].dtype, root_.graph_.weights[weight].shape});
    }
    FlatNode node = op.Node(Name(at), made, captures);
    node.inputs = std::move(inputs);
    const TensorId added = Placed(builder_.Add(std::move(node)), {at.call, at.node});
    for (size_t i = 0; i < op.outputs().size(); ++i) {
      known_[{at.call, at.node, op.outputs()[i]}] = {added.node, static_cast<int>(i)};
    }
  }

  // Adds what the results of the body need. Returns the results, without resources.
  std::vector<TensorId> Results(int call) {
    std::vector<TensorId> results;
    const auto& outputs = tree_.call(call).function->signature.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].type == TF_RESOURCE) continue;
      results.push_back(Flatten([&] { return tree_.Result(call, i); }));
    }
    return results;
  }

  // Returns the value of a weight of the model in this graph.
  TensorId Value(int weight) {
    const FlatWeight& of = root_.graph_.weights[weight];
    if (&root_ == this) return {of.node, 0};
    const auto known = captured_.find(weight);
    if (known != captured_.end()) return known->second;
    const TensorSpec spec{of.name, of.dtype, of.shape};
    return captured_[weight] = Placed(builder_.AddInput(of.name, spec), {-1, -1});
  }

  // Returns the weight behind the handle that a reading op takes.
  int Variable(const Source& reader) {
    if (tree_.Node(reader).inputs.empty()) {
      throw tf::Error(TF_DATA_LOSS, "'" + Name(reader) + "' reads no variable", Name(reader));
    }
    Source handle = tree_.Input(reader, 0);
    for (int hops = 0; hops < 1000; ++hops) {
      if (handle.IsArgument() || tree_.Node(handle).op != "Identity") break;
      if (tree_.Node(handle).inputs.empty()) break;
      handle = tree_.Input(handle, 0);
    }
    if (handle.IsArgument()) {
      throw tf::Error(
          TF_DATA_LOSS,
          "'" + Name(reader) + "' reads a variable, but its input '" + Name(handle) + "' is no resource",
          Name(reader));
    }
    if (tree_.Node(handle).op != "VarHandleOp") {
      throw tf::Error(TF_UNIMPLEMENTED,
                      "'" + Name(reader) + "' reads a resource that is no variable of the model ('" +
                          Name(handle) + "' of op " + std::string(tree_.Node(handle).op) + ")",
                      Name(reader));
    }
    const int weight = root_.Weight(handle);
    root_.graph_.weights[weight].readers.push_back(Name(reader));
    return weight;
  }

  int Weight(const Source& handle) {
    const Place place{handle.call, handle.node};
    const auto known = weights_.find(place);
    if (known != weights_.end()) return known->second;
    const auto dtype = proto::AttrType(tree_.Attr(handle.call, handle.node, "dtype"));
    const auto shape = proto::AttrShape(tree_.Attr(handle.call, handle.node, "shape"));
    if (!dtype || !shape) {
      throw tf::Error(TF_DATA_LOSS, "variable '" + Name(handle) + "' has no dtype or shape", Name(handle));
    }
    CheckShape(*shape, "variable '" + Name(handle) + "'", Name(handle));
    const int weight = builder_.AddWeight(Name(handle), *dtype, *shape);
    Placed({graph_.weights[weight].node, 0}, place);
    weights_[place] = weight;
    variables_.push_back({handle, weight});
    return weight;
  }

  // ResourceGather(Nd) reads some rows of a variable and becomes a gather from the weight.
  int Gather(const Source& at) {
    const proto::NodeDef& def = tree_.Node(at);
    if (def.inputs.size() != 2) {
      throw tf::Error(TF_DATA_LOSS, "'" + Name(at) + "' needs a variable and indices", Name(at));
    }
    const Place place{at.call, at.node};
    const int weight = Variable(at);
    const TF_DataType dtype = root_.graph_.weights[weight].dtype;
    std::vector<TensorId> inputs = {Value(weight), Lookup(tree_.Input(at, 1))};
    std::vector<std::pair<std::string, std::string>> attrs = {
        {"Tparams", TypeAttr(dtype)}, {"Tindices", std::string(tree_.Attr(at.call, at.node, "Tindices"))}};
    const bool nd = def.op == "ResourceGatherNd";
    if (!nd) {
      inputs.push_back(Placed(builder_.AddInt32(Name(at) + "/axis", 0), place));
      attrs.emplace_back("Taxis", TypeAttr(TF_INT32));
      const proto::Bytes batch_dims = tree_.Attr(at.call, at.node, "batch_dims");
      if (!batch_dims.empty()) attrs.emplace_back("batch_dims", std::string(batch_dims));
    }
    return Placed(builder_.AddOp(Name(at), nd ? "GatherNd" : "GatherV2", std::move(inputs), std::move(attrs)),
                  place)
        .node;
  }

  int VariableShape(const Source& at) {
    const int weight = Variable(at);
    std::vector<std::pair<std::string, std::string>> attrs = {
        {"T", TypeAttr(root_.graph_.weights[weight].dtype)}};
    const proto::Bytes out_type = tree_.Attr(at.call, at.node, "out_type");
    if (!out_type.empty()) attrs.emplace_back("out_type", std::string(out_type));
    return Placed(builder_.AddOp(Name(at), "Shape", {Value(weight)}, std::move(attrs)), {at.call, at.node})
        .node;
  }

  void CollectNames() {
    for (int call = 1; call < tree_.size(); ++call) {
      for (size_t i = 0; i < tree_.Nodes(call).size(); ++i) {
        graph_.file_names.insert(tree_.FlatName(call, static_cast<int>(i)));
      }
    }
    for (const FlatNode& node : graph_.nodes) graph_.file_names.insert(node.name);
  }

  // Returns the place of the node in the order in which the model was written. Nodes of a body are at the
  // place of the call.
  std::vector<int> Rank(const Place& place) const {
    std::vector<int> rank = {place.second};
    for (int call = place.first; call > 0; call = tree_.call(call).parent) {
      rank.push_back(tree_.call(call).parent_node);
    }
    std::reverse(rank.begin(), rank.end());
    return rank;
  }

  CallTree& tree_;
  OpRegistry& ops_;
  const Extras extras_;
  Inliner& root_;  // of the model's graph, which has the weights and the functions
  int body_ = 0;   // the call that is flattened
  FlatGraphBuilder builder_;
  FlatGraph& graph_ = builder_.graph();
  FunctionBodies functions_;
  ConstantValues constants_;
  Allowance tensors_left_{bounds::kTensors, "tensors"};  // of the root
  std::vector<VariableUse> variables_;                   // of the root
  std::map<Place, int> weights_;      // of the root: VarHandleOp -> index in graph_.weights
  std::map<int, TensorId> captured_;  // of a body: weight -> argument
  std::vector<Place> places_;         // of graph_.nodes
  std::map<std::tuple<int, int, int>, TensorId> known_;  // inputs, arguments, results of control flow
  std::map<Place, int> done_;                            // flat node; -1: in known_
  std::set<Place> open_;                                 // visited, not yet emitted
};

}  // namespace

Flattened InlineFunctions(CallTree* tree, OpRegistry* ops, const std::vector<TensorSpec>& inputs,
                          const std::vector<TensorSpec>& outputs, NodeOrder order, const Extras& extras) {
  return Inliner(tree, ops, extras).Run(inputs, outputs, order);
}

}  // namespace ke::graph
