#include "import/function_inliner.h"

#include <algorithm>
#include <tuple>

#include "ir/flat_graph_builder.h"
#include "ir/op_traits.h"
#include "tensorflow/dtype.h"
#include "wire/bounds.h"

namespace ke::graph {
namespace {

using Place = std::pair<int, int>;  // call, node

class Inliner {
 public:
  Inliner(CallTree* tree, OpRegistry* ops) : tree_(*tree), ops_(*ops) {}

  Flattened Run(const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs,
                NodeOrder order) {
    for (const TensorSpec& input : inputs) AddInput(input);
    for (const TensorSpec& output : outputs) {
      builder_.AddOutput(Flatten(tree_.Resolve(0, output.name)), output);
    }
    RefuseChangedVariables();
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

  // Checks the numbers of input and output tensors that attributes declare: TensorFlow allocates lists of
  // these lengths.
  void CheckLists(const Source& at) {
    const proto::NodeDef& def = tree_.Node(at);
    const proto::OpDef& op = ops_.Get(def.op, Name(at));
    if (static_cast<int64_t>(def.attrs.size()) > bounds::kAttrs) {
      TooMuch("'" + Name(at) + "'", bounds::kAttrs, "attributes", Name(at));
    }
    const auto length = [&](const proto::ArgDef& argument) -> int64_t {
      if (!argument.type_list_attr.empty()) {
        return static_cast<int64_t>(
            proto::AttrTypeListSize(tree_.Attr(at.call, at.node, argument.type_list_attr)).value_or(0));
      }
      if (argument.number_attr.empty()) return 1;
      return proto::AttrInt(tree_.Attr(at.call, at.node, argument.number_attr)).value_or(1);
    };
    for (const proto::ArgDef& argument : op.inputs) {
      if (length(argument) <= std::max<int64_t>(1, static_cast<int64_t>(def.inputs.size()))) continue;
      throw tf::Error(TF_DATA_LOSS,
                      "'" + Name(at) + "' takes " + std::to_string(length(argument)) + " tensors as '" +
                          std::string(argument.name) + "', but has " + std::to_string(def.inputs.size()) +
                          " inputs",
                      Name(at));
    }
    for (const proto::ArgDef& argument : op.outputs) {
      tensors_left_.Take(std::max<int64_t>(length(argument), 1), kWhole, Name(at));
    }
  }

  void AddInput(const TensorSpec& spec) {
    const Source source = tree_.Resolve(0, spec.name);
    const TensorId input =
        Placed(builder_.AddInput(tree_.FlatName(source.call, source.node), spec), {source.call, source.node});
    inputs_[{source.call, source.node, source.output}] = input.node;
  }

  // Returns the flat tensor for `source` after adding all nodes that the tensor needs. The walk is
  // depth-first over an explicit stack, because a model may be deeper than the stack of a thread allows.
  TensorId Flatten(const Source& source) {
    std::vector<Source> stack = {source};
    while (!stack.empty()) {
      const Source at = stack.back();
      const Place place{at.call, at.node};
      if (IsDone(at)) {
        stack.pop_back();
        continue;
      }
      if (open_.insert(place).second) Check(at);
      bool waits = false;
      // The first input is pushed last and is therefore visited first.
      for (size_t i = tree_.Node(at).inputs.size(); i-- > 0;) {
        if (IsHandle(at, i)) continue;
        const Source input = tree_.Input(at, i);
        if (IsDone(input)) continue;
        // Only nodes that wait for their inputs are open: such a node is on the path that led here.
        if (open_.count({input.call, input.node}) > 0) {
          throw tf::Error(TF_UNIMPLEMENTED,
                          "the model's graph has a cycle through '" + Name(at) +
                              "': a loop of TensorFlow 1, which is not supported, or a damaged file",
                          Name(at));
        }
        stack.push_back(input);
        waits = true;
      }
      if (waits) continue;
      stack.pop_back();
      open_.erase(place);
      done_[place] = Emit(at);
    }
    return Lookup(source);
  }

  bool IsDone(const Source& at) const { return FindInput(at) >= 0 || done_.count({at.call, at.node}) > 0; }

  // Returns whether the input is the variable that the op reads, not a tensor.
  bool IsHandle(const Source& at, size_t input) const {
    const std::string_view op = tree_.Node(at).op;
    return input == 0 && (op == "ReadVariableOp" || op == "ResourceGather" || op == "ResourceGatherNd" ||
                          op == "VariableShape");
  }

  int FindInput(const Source& at) const {
    const auto found = inputs_.find({at.call, at.node, at.output});
    return found == inputs_.end() ? -1 : found->second;
  }

  TensorId Lookup(const Source& at) const {
    const int input = FindInput(at);
    if (input >= 0) return {input, 0};
    return {done_.at({at.call, at.node}), at.output};
  }

  std::string Name(const Source& at) const { return tree_.FlatName(at.call, at.node); }

  // Throws if the op cannot be part of the flat graph. The op is checked before its inputs: for a loop over a
  // variable, the error names the loop, not the variable.
  void Check(const Source& at) {
    const std::string_view op = tree_.Node(at).op;
    if (IsHandle(at, 0)) return;
    if (op == "Placeholder") {
      throw tf::Error(TF_INVALID_ARGUMENT,
                      "the outputs need placeholder '" + Name(at) + "', which is none of the model's inputs",
                      Name(at));
    }
    ops_.CheckPure(op, Name(at));
    CheckLists(at);
    if (op == "Const") CheckConstant(at);
  }

  // TensorFlow assumes that the value of a constant has the declared dtype. If not, shape inference may end
  // the process.
  void CheckConstant(const Source& at) {
    const auto dtype = proto::AttrType(tree_.Attr(at.call, at.node, "dtype"));
    const auto value = proto::AttrTensor(tree_.Attr(at.call, at.node, "value"));
    if (!dtype || !value) {
      throw tf::Error(TF_DATA_LOSS, "constant '" + Name(at) + "' has no dtype or value", Name(at));
    }
    const TF_DataType found = proto::TensorType(*value);
    if (found == *dtype) return;
    throw tf::Error(TF_DATA_LOSS,
                    "constant '" + Name(at) + "' contradicts itself: expected a value of dtype " +
                        tf::DTypeName(*dtype) + ", found " + tf::DTypeName(found),
                    Name(at));
  }

  int Emit(const Source& at) {
    const proto::NodeDef& def = tree_.Node(at);
    if (def.op == "ReadVariableOp") return graph_.weights[Variable(at)].node;
    if (def.op == "ResourceGather" || def.op == "ResourceGatherNd") return Gather(at);
    if (def.op == "VariableShape") return VariableShape(at);
    FlatNode node;
    node.name = Name(at);
    node.op = def.op;
    for (size_t i = 0; i < def.inputs.size(); ++i) node.inputs.push_back(Lookup(tree_.Input(at, i)));
    for (const auto& [name, value] : def.attrs) {
      // Internal attributes of the runtime that wrote the file: colocation, shapes, compilation.
      if (name.starts_with('_') && name != "_gradient_op_type") continue;
      node.attrs.emplace_back(name, tree_.Attr(at.call, at.node, name));
    }
    return Placed(builder_.Add(std::move(node)), {at.call, at.node}).node;
  }

  // Returns the weight behind the handle that a reading op takes.
  int Variable(const Source& reader) {
    if (tree_.Node(reader).inputs.empty()) {
      throw tf::Error(TF_DATA_LOSS, "'" + Name(reader) + "' reads no variable", Name(reader));
    }
    Source handle = tree_.Input(reader, 0);
    for (int hops = 0; tree_.Node(handle).op == "Identity" && hops < 1000; ++hops) {
      if (tree_.Node(handle).inputs.empty()) break;
      handle = tree_.Input(handle, 0);
    }
    if (tree_.Node(handle).op != "VarHandleOp") {
      throw tf::Error(TF_UNIMPLEMENTED,
                      "'" + Name(reader) + "' reads a resource that is no variable of the model ('" +
                          Name(handle) + "' of op " + std::string(tree_.Node(handle).op) + ")",
                      Name(reader));
    }
    const int weight = Weight(handle);
    graph_.weights[weight].readers.push_back(Name(reader));
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
    const TF_DataType dtype = graph_.weights[weight].dtype;
    std::vector<TensorId> inputs = {{graph_.weights[weight].node, 0}, Lookup(tree_.Input(at, 1))};
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
    const FlatWeight& weight = graph_.weights[Variable(at)];
    std::vector<std::pair<std::string, std::string>> attrs = {{"T", TypeAttr(weight.dtype)}};
    const proto::Bytes out_type = tree_.Attr(at.call, at.node, "out_type");
    if (!out_type.empty()) attrs.emplace_back("out_type", std::string(out_type));
    return Placed(builder_.AddOp(Name(at), "Shape", {{weight.node, 0}}, std::move(attrs)), {at.call, at.node})
        .node;
  }

  // The weights in the file are valid only if a run does not change the variables. Outputs never need an
  // assignment as data, so all ops of the functions on the paths to the outputs are checked.
  void RefuseChangedVariables() {
    for (int call = 1; call < tree_.size(); ++call) {
      for (size_t i = 0; i < tree_.Nodes(call).size(); ++i) {
        const int node = static_cast<int>(i);
        if (tree_.IsCall(call, node)) {
          tree_.Expand(call, node);
          continue;
        }
        const proto::NodeDef& def = tree_.Nodes(call)[i];
        if (HasTrait(def.op, trait::kReadsVariable) || def.op == "Identity") continue;
        if (!ops_.MayHaveEffects(def.op)) continue;
        for (size_t k = 0; k < def.inputs.size(); ++k) {
          const Source input = tree_.Input({call, node, 0}, k);
          const auto weight = weights_.find({input.call, input.node});
          if (weight == weights_.end()) continue;
          throw tf::Error(TF_UNIMPLEMENTED,
                          "the model's outputs read variable '" + graph_.weights[weight->second].name +
                              "', which op " + std::string(def.op) + " ('" + tree_.FlatName(call, node) +
                              "') may change when the model runs: a model that changes its state cannot be "
                              "frozen. Export it for "
                              "inference (training=False), so that no layer counts or draws seeds",
                          tree_.FlatName(call, node));
        }
      }
    }
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

  static constexpr const char* kWhole = "what the model's outputs need";

  CallTree& tree_;
  OpRegistry& ops_;
  FlatGraphBuilder builder_;
  FlatGraph& graph_ = builder_.graph();
  Allowance tensors_left_{bounds::kTensors, "tensors"};
  std::vector<VariableUse> variables_;
  std::vector<Place> places_;  // of graph_.nodes
  std::map<std::tuple<int, int, int>, int> inputs_;
  std::map<Place, int> done_;     // flat node
  std::set<Place> open_;          // visited, not yet emitted
  std::map<Place, int> weights_;  // VarHandleOp -> index in graph_.weights
};

}  // namespace

Flattened InlineFunctions(CallTree* tree, OpRegistry* ops, const std::vector<TensorSpec>& inputs,
                          const std::vector<TensorSpec>& outputs, NodeOrder order) {
  return Inliner(tree, ops).Run(inputs, outputs, order);
}

}  // namespace ke::graph
