#include "import/inliner.h"

#include <algorithm>
#include <string>

#include "import/check_node.h"
#include "import/checkpoint.h"
#include "ir/op_traits.h"
#include "ir/random_ops.h"

namespace ke::graph {

Inliner::Inliner(CallTree* tree, OpRegistry* ops, const Extras& extras)
    : tree_(*tree), ops_(*ops), extras_(extras), root_(*this), functions_(&graph_, ops) {
  graph_.versions = tree->versions();
}

Inliner::Inliner(Inliner* outer, int call)
    : tree_(outer->tree_),
      ops_(outer->ops_),
      extras_(outer->extras_),
      root_(outer->root_),
      outer_(outer),
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

Flattened Inliner::Run(const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs,
                       NodeOrder order) {
  if (extras_.allow_random) changed_ = ChangedVariables(tree_.graph(), &ops_, outputs);
  for (const TensorSpec& input : inputs) AddInput(input);
  for (const TensorSpec& output : outputs) {
    builder_.AddOutput(Flatten([&] { return tree_.Resolve(0, output.name); }), output);
  }
  RefuseChangedVariables(&tree_, &ops_, graph_, weights_, states_);
  if (extras_.tables != nullptr) extras_.tables->RefuseChangedTables();
  MarkDraws(graph_.outputs);
  CollectNames();
  std::vector<std::vector<int>> rank;
  // Nodes were added after the nodes that they need.
  for (size_t i = 0; i < places_.size(); ++i) {
    rank.push_back(order == NodeOrder::kFile ? Rank(places_[i]) : std::vector<int>{static_cast<int>(i)});
  }
  SortNodes(&graph_, rank);
  return {builder_.Finish(), std::move(variables_)};
}

void Inliner::AddInput(const TensorSpec& spec) {
  const Source source = tree_.Resolve(0, spec.name);
  const TensorId input =
      Placed(builder_.AddInput(tree_.FlatName(source.call, source.node), spec), {source.call, source.node});
  known_[{source.call, source.node, source.output}] = input;
}

void Inliner::AddNodes(const Source& source) {
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
    const std::string_view op = tree_.Node(at).op;
    const bool has_sides = IsSwitch(op) || IsMerge(op);
    if (open_.insert(place).second && !has_sides) CheckNode(&tree_, &ops_, at, &root_.tensors_left_);
    const std::optional<Source> predicate = UndecidedPredicate(at);
    if (predicate && !PushMissing(at, {*predicate}, &stack)) {
      if (!Decide(at, *predicate)) continue;
      stack.pop_back();
      open_.erase(place);
    }
    if (predicate) continue;
    if (has_sides) {
      const std::vector<Source> needed = IsSwitch(op) ? StepAtSwitch(at) : StepAtMerge(at);
      if (PushMissing(at, needed, &stack)) continue;
    } else {
      if (PushMissing(at, DataInputs(at), &stack)) continue;
      if (ControlOf(op) == Control::kNone) {
        done_[place] = Emit(at);
      } else {
        EmitControlFlow(at);
        done_[place] = -1;
      }
    }
    stack.pop_back();
    open_.erase(place);
  }
}

bool Inliner::PushMissing(const Source& at, const std::vector<Source>& needed,
                          std::vector<Source>* stack) const {
  bool missing = false;
  // The first one is pushed last and is therefore visited first.
  for (auto source = needed.rbegin(); source != needed.rend(); ++source) {
    if (IsDone(*source)) continue;
    // Only nodes that wait for their inputs are open: such a node is on the path that led here.
    if (open_.count({source->call, source->node}) > 0) {
      throw tf::Error(TF_UNIMPLEMENTED,
                      "the model's graph has a cycle through '" + Name(at) +
                          "': a loop of TensorFlow 1, or a damaged file. " + std::string(kFreezeFunctions),
                      Name(at));
    }
    stack->push_back(*source);
    missing = true;
  }
  return missing;
}

std::vector<Source> Inliner::DataInputs(const Source& at) {
  std::vector<Source> inputs;
  for (size_t i = 0; i < tree_.Node(at).inputs.size(); ++i) {
    if (!IsHandle(&tree_, at, i)) inputs.push_back(tree_.Input(at, i));
  }
  const CustomGradients::Use* custom = Gradient(at);
  if (custom != nullptr && IsWithin(*custom)) {
    for (const Source& captured : custom->captured) {
      if (!IsVariable(captured)) inputs.push_back(captured);
    }
  }
  return inputs;
}

TensorId Inliner::Lookup(const Source& at) const {
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

int Inliner::Emit(const Source& at) {
  const proto::NodeDef& def = tree_.Node(at);
  if (IsOldVariable(def.op)) return Value(root_.Weight(at)).node;
  if (def.op == "ReadVariableOp" || def.op == "RngReadAndSkip") {
    const int weight = Variable(at);
    return IsRandomState(weight) ? ReadState(at, weight) : Value(weight).node;
  }
  if (!SeededOp(def.op).empty() && !ops_.IsAllowed(def.op)) return DrawFromSeed(at);
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
    if (name.starts_with('_') && name != kDrawnByRun) continue;
    if (defaults && name != "dtype") continue;
    node.attrs.emplace_back(defaults ? "T" : name, tree_.Attr(at.call, at.node, name));
  }
  if (const CustomGradients::Use* custom = Gradient(at)) Attach(*custom, &node);
  return Placed(builder_.Add(std::move(node)), {at.call, at.node}).node;
}

void Inliner::CollectNames() {
  for (int call = 1; call < tree_.size(); ++call) {
    for (size_t i = 0; i < tree_.Nodes(call).size(); ++i) {
      graph_.file_names.insert(tree_.FlatName(call, static_cast<int>(i)));
    }
  }
  for (const FlatNode& node : graph_.nodes) graph_.file_names.insert(node.name);
}

std::vector<int> Inliner::Rank(const Place& place) const {
  std::vector<int> rank = {place.second};
  for (int call = place.first; call > 0; call = tree_.call(call).parent) {
    rank.push_back(tree_.call(call).parent_node);
  }
  std::reverse(rank.begin(), rank.end());
  return rank;
}

}  // namespace ke::graph
