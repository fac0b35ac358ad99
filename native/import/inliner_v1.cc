// The branches of TensorFlow 1 become functions.
#include <set>
#include <string>
#include <tuple>

#include "import/inliner.h"

namespace ke::graph {

namespace {

[[noreturn]] void RefuseSwitch(const std::string& name, const std::string& reason) {
  throw tf::Error(TF_UNIMPLEMENTED, "'" + name + "' " + reason + ". " + std::string(kFreezeFunctions), name);
}

}  // namespace

Inliner::Inliner(Inliner* outer, const Source& predicate, int side)
    : tree_(outer->tree_),
      ops_(outer->ops_),
      extras_(outer->extras_),
      root_(outer->root_),
      outer_(outer),
      body_(outer->body_),
      depth_(outer->depth_ + 1),
      side_({predicate, side}),
      functions_(&root_.graph_, &ops_) {
  graph_.versions = root_.graph_.versions;
  if (depth_ > bounds::kBodyDepth) {
    TooMuch("the depth of branches within each other", bounds::kBodyDepth, "of them", Name(predicate));
  }
}

std::vector<Source> Inliner::StepAtSwitch(const Source& at) {
  if (tree_.Node(at).inputs.size() != 2) {
    throw tf::Error(TF_DATA_LOSS, "Switch '" + Name(at) + "' needs data and a predicate", Name(at));
  }
  const Source data = tree_.Input(at, 0);
  const Source predicate = tree_.Input(at, 1);
  std::optional<int64_t> side;
  if (side_ && predicate == side_->first) {
    side = side_->second;
  } else if (!IsDone(predicate)) {
    return {predicate};
  } else {
    side = constants_.Find(graph_, Lookup(predicate));
    if (!side) RefuseSwitch(Name(at), "sends a tensor to a branch that no Merge ends");
  }
  if (at.output != (*side != 0 ? 1 : 0)) RefuseSwitch(Name(at), "is needed on the side that does not run");
  TensorId passed;
  if (side_ && predicate == side_->first) {
    const auto dtype = proto::AttrType(tree_.Attr(at.call, at.node, "T"));
    if (!dtype) throw tf::Error(TF_DATA_LOSS, "Switch '" + Name(at) + "' has no dtype", Name(at));
    passed = Capture(data, *dtype);
  } else if (!IsDone(data)) {
    return {data};
  } else {
    passed = Lookup(data);
  }
  known_[{at.call, at.node, at.output}] = passed;
  return {};
}

std::vector<Source> Inliner::StepAtMerge(const Source& at) {
  auto known = branches_.find({at.call, at.node});
  if (known == branches_.end()) {
    known = branches_.emplace(Place{at.call, at.node}, FindBranchV1(&tree_, at, &root_.steps_left_)).first;
  }
  const BranchV1& branch = known->second;
  if (!IsDone(branch.predicate)) return {branch.predicate};
  if (const std::optional<int64_t> value = constants_.Find(graph_, Lookup(branch.predicate))) {
    const size_t input = branch.inputs[*value != 0 ? 1 : 0];
    const Source chosen = tree_.Input(at, input);
    if (!IsDone(chosen)) return {chosen};
    known_[{at.call, at.node, 0}] = Lookup(chosen);
    if (at.output == 1) {
      known_[{at.call, at.node, 1}] = Placed(
          builder_.AddInt32(Name(at) + "/value_index", static_cast<int32_t>(input)), {at.call, at.node});
    }
    return {};
  }
  std::vector<Source> missing;
  for (const Source& data : branch.data) {
    if (!IsDone(data)) missing.push_back(data);
  }
  if (missing.empty()) EmitBranchV1(at, branch);
  return missing;
}

void Inliner::EmitBranchV1(const Source& merge, const BranchV1& branch) {
  if (merge.output != 0) RefuseSwitch(Name(merge), "tells which branch ran");
  std::vector<std::unique_ptr<Inliner>> bodies;
  std::vector<TensorId> results;
  for (const int side : {0, 1}) {
    bodies.push_back(std::make_unique<Inliner>(this, branch.predicate, side));
    results.push_back(bodies.back()->Flatten([&] { return tree_.Input(merge, branch.inputs[side]); }));
  }
  // Both functions take the same arguments: the tensors that either needs, then the weights.
  std::vector<Captured> tensors;
  std::set<std::tuple<int, int, int>> seen;
  for (const auto& body : bodies) {
    for (const Captured& each : body->arguments_) {
      if (seen.insert({each.source.call, each.source.node, each.source.output}).second)
        tensors.push_back(each);
    }
  }
  const std::vector<int> weights = CapturedBy(bodies);
  std::vector<FunctionBody> made;
  for (const size_t side : {0, 1}) {
    std::vector<TensorId> arguments;
    for (const Captured& each : tensors) arguments.push_back(bodies[side]->Capture(each.source, each.dtype));
    for (const int weight : weights) arguments.push_back(bodies[side]->Value(weight));
    bodies[side]->MarkDraws({results[side]});
    FlatGraph body = bodies[side]->builder_.Finish();
    body.inputs = std::move(arguments);
    made.push_back(root_.functions_.Add(std::move(body), {results[side]},
                                        Name(merge) + (side == 0 ? "_false" : "_true"), graph_.versions));
  }
  if (made[0].results != made[1].results) {
    throw tf::Error(TF_DATA_LOSS, "Merge '" + Name(merge) + "' joins tensors of different dtypes",
                    Name(merge));
  }
  FlatNode node{FlatNode::Kind::kOp, Name(merge), {}, {Lookup(branch.predicate)}, {}};
  node.op = made[0].is_stateful || made[1].is_stateful ? "If" : "StatelessIf";
  std::vector<TF_DataType> taken;
  for (const Captured& each : tensors) {
    node.inputs.push_back(Lookup(each.source));
    taken.push_back(each.dtype);
  }
  for (const int weight : weights) {
    node.inputs.push_back(weight == kRunSeed ? RunSeed(merge) : Value(weight));
    taken.push_back(SpecOf(weight).dtype);
  }
  node.attrs = {{"Tcond", TypeAttr(TF_BOOL)},
                {"Tin", TypesAttr(taken)},
                {"Tout", TypesAttr(made[0].results)},
                {"else_branch", FunctionAttr(made[0].name)},
                {"then_branch", FunctionAttr(made[1].name)},
                {"output_shapes", ShapesAttr({Shape::Unknown()})},
                {"_lower_using_switch_merge", BoolAttr(true)}};
  known_[{merge.call, merge.node, 0}] = Placed(builder_.Add(std::move(node)), {merge.call, merge.node});
}

TensorId Inliner::Capture(const Source& source, TF_DataType dtype) {
  for (const Captured& each : arguments_) {
    if (each.source == source) return each.argument;
  }
  const std::string name = Name(source);
  const TensorId argument = Placed(builder_.AddInput(name, {name, dtype, Shape::Unknown()}), {-1, -1});
  arguments_.push_back({source, dtype, argument});
  return argument;
}

}  // namespace ke::graph
