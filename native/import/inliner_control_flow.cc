// The functions of loops and branches, and the branches of TensorFlow 1, which become functions.
#include <algorithm>
#include <set>
#include <string>

#include "import/control_flow.h"
#include "import/inliner.h"

namespace ke::graph {

std::optional<Source> Inliner::UndecidedPredicate(const Source& at) {
  const Control control = ControlOf(tree_.Node(at).op);
  if (control != Control::kIf && control != Control::kCase) return std::nullopt;
  if (tree_.Node(at).inputs.empty() || tree_.call(at.call).bodies_of.count(at.node) > 0) return std::nullopt;
  return tree_.Input(at, 0);
}

bool Inliner::Decide(const Source& at, const Source& predicate) {
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

void Inliner::EmitControlFlow(const Source& at) {
  const ControlFlow op(&tree_, at);
  std::vector<std::unique_ptr<Inliner>> bodies;
  std::vector<std::vector<TensorId>> results;
  for (const int call : op.calls()) {
    bodies.push_back(std::make_unique<Inliner>(this, call));
    if (ControlOf(tree_.Node(at).op) == Control::kWhile) {
      const bool is_body = op.IsLoopBody(bodies.size() - 1);
      bodies.back()->loop_ = Loop{is_body ? TurnCounter(&tree_, call) : std::nullopt};
    }
    results.push_back(bodies.back()->Results(call));
  }
  const std::vector<int> captured = CapturedBy(bodies);

  std::vector<FunctionBody> made;
  for (size_t i = 0; i < bodies.size(); ++i) {
    std::vector<TensorId> values;
    for (const int weight : captured) values.push_back(bodies[i]->Value(weight));
    bodies[i]->MarkDraws(results[i]);
    FlatGraph body = bodies[i]->builder_.Finish();
    body.inputs.resize(op.arguments().size());
    body.inputs.insert(body.inputs.end(), values.begin(), values.end());
    if (op.IsLoopBody(i)) results[i].insert(results[i].end(), values.begin(), values.end());
    const std::string_view name = tree_.call(op.calls()[i]).function->signature.name;
    made.push_back(root_.functions_.Add(std::move(body), std::move(results[i]), name, graph_.versions));
  }

  std::vector<ControlFlow::Capture> captures;
  std::vector<TensorId> inputs;
  for (const size_t input : op.inputs()) inputs.push_back(Lookup(tree_.Input(at, input)));
  for (const int weight : captured) {
    inputs.push_back(weight == kRunSeed ? RunSeed(at) : Value(weight));
    captures.push_back({SpecOf(weight).dtype, SpecOf(weight).shape});
  }
  FlatNode node = op.Node(Name(at), made, captures);
  node.inputs = std::move(inputs);
  const TensorId added = Placed(builder_.Add(std::move(node)), {at.call, at.node});
  for (size_t i = 0; i < op.outputs().size(); ++i) {
    known_[{at.call, at.node, op.outputs()[i]}] = {added.node, static_cast<int>(i)};
  }
}

std::vector<TensorId> Inliner::Results(int call) {
  std::vector<TensorId> results;
  const auto& outputs = tree_.call(call).function->signature.outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type == TF_RESOURCE) continue;
    results.push_back(Flatten([&] { return tree_.Result(call, i); }));
  }
  return results;
}

std::vector<int> Inliner::CapturedBy(const std::vector<std::unique_ptr<Inliner>>& bodies) {
  std::set<int> captured;
  for (const auto& body : bodies) {
    for (const auto& [weight, argument] : body->captured_) captured.insert(weight);
  }
  return {captured.begin(), captured.end()};
}

}  // namespace ke::graph
