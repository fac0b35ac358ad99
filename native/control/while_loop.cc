#include "control/while_loop.h"

#include "control/loop_ops.h"
#include "tensorflow/read_graph.h"

namespace ke::control {

using graph::Scope;
using graph::Shape;

namespace {

// Appends the captures of `scope` that `results` need and `captured` lacks.
void AddNeeded(Scope* scope, const std::vector<TF_Output>& results, std::vector<TF_Output>* captured) {
  const auto needed = tf::OpsBehind(results);
  for (const TF_Output& tensor : scope->captured()) {
    if (needed.count(scope->Import(tensor).oper) == 0) continue;
    bool known = false;
    for (const TF_Output& other : *captured) {
      known |= other.oper == tensor.oper && other.index == tensor.index;
    }
    if (!known) captured->push_back(tensor);
  }
}

}  // namespace

std::vector<TF_Output> AddWhile(Scope* scope, Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, const Turns& turns) {
  const bool counted = turns.count.oper != nullptr && IsCounted(scope);
  TF_Output gated = condition_result;
  if (!scope->portable() && !turns.gated) {
    TF_Output shard = ShardNumber(scope);
    if (counted) shard = AddAnnouncement(scope, shard, turns.count);
    gated = AddGate(condition, condition_result, shard, counted && !turns.counted_by_body);
  }

  // Both functions take the same arguments: the loop variables, then the captures that either function needs.
  std::vector<TF_Output> captured;
  AddNeeded(body, body_results, &captured);
  AddNeeded(condition, {gated}, &captured);

  std::vector<TF_Output> in_condition = condition_arguments;
  std::vector<TF_Output> in_body = body_arguments;
  std::vector<TF_Output> results = body_results;
  std::vector<TF_Output> inputs = initial;
  std::vector<Shape> shapes;
  for (const TF_Output& argument : body_arguments) shapes.push_back(body->GetShape(argument));
  for (const TF_Output& tensor : captured) {
    in_condition.push_back(condition->Import(tensor));
    in_body.push_back(body->Import(tensor));
    results.push_back(in_body.back());
    inputs.push_back(tensor);
    shapes.push_back(scope->GetShape(tensor));
  }

  const std::string name = scope->root().UniqueName("loop");
  condition->CloseInto(name + "_condition", in_condition, {gated});
  body->CloseInto(name + "_body", in_body, results);
  // Without "_lower_using_switch_merge" each turn would be a function call with threads of its own.
  graph::OpBuilder loop = scope->Op("While", name);
  loop.InList(inputs)
      .AttrFunction("cond", name + "_condition")
      .AttrFunction("body", name + "_body")
      .AttrShapes("output_shapes", shapes)
      .AttrInt("parallel_iterations", turns.at_once)
      .AttrBool("_lower_using_switch_merge", true);
  if (!turns.stacked.empty()) loop.AttrInts(kStackedAttr, turns.stacked);
  std::vector<TF_Output> outputs = loop.Outs();
  outputs.resize(initial.size());
  return outputs;
}

}  // namespace ke::control
