#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "import/constant_value.h"
#include "import/custom_gradients.h"
#include "import/function_bodies.h"
#include "import/function_inliner.h"
#include "import/lookup_ops.h"
#include "import/v1_branch.h"
#include "ir/flat_graph_builder.h"
#include "wire/bounds.h"

namespace ke::graph {

// Flattens the model's graph or, with `outer`, a function of a loop or a branch in the graph of `outer`.
class Inliner {
 public:
  Inliner(CallTree* tree, OpRegistry* ops, const Extras& extras);
  // Makes the body of `call`.
  Inliner(Inliner* outer, int call);
  // Makes the function of one side of a branch of TensorFlow 1.
  Inliner(Inliner* outer, const Source& predicate, int side);
  Inliner(const Inliner&) = delete;
  Inliner& operator=(const Inliner&) = delete;

  Flattened Run(const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs,
                NodeOrder order);

 private:
  using Place = std::pair<int, int>;  // call, node
  // In place of a weight: the seed of the run.
  static constexpr int kRunSeed = -1;
  // The loop whose condition or body this is.
  struct Loop {
    std::optional<size_t> counter;  // the argument that counts the turns
  };
  // A tensor of the outer graph that the function of a branch of TensorFlow 1 takes as an argument.
  struct Captured {
    Source source;
    TF_DataType dtype;
    TensorId argument;
  };

  // Notes the place of the node that was just added.
  TensorId Placed(TensorId added, const Place& place) {
    places_.push_back(place);
    return added;
  }
  void AddInput(const TensorSpec& spec);

  // Returns the flat tensor for the source that `resolve` returns, after adding all nodes that the tensor
  // needs. A branch that always runs becomes a call during the walk: sources are then resolved again.
  template <typename Resolve>
  TensorId Flatten(Resolve resolve) {
    while (!IsDone(resolve())) AddNodes(resolve());
    return Lookup(resolve());
  }
  // Adds the nodes that `source` needs. The walk is depth-first over an explicit stack, because a model may
  // be deeper than the stack of a thread allows.
  void AddNodes(const Source& source);
  // Pushes what must be done before `at` is emitted. Returns whether anything was pushed.
  bool PushMissing(const Source& at, const std::vector<Source>& needed, std::vector<Source>* stack) const;
  std::vector<Source> DataInputs(const Source& at);
  bool IsDone(const Source& at) const {
    return known_.count({at.call, at.node, at.output}) > 0 || done_.count({at.call, at.node}) > 0;
  }
  TensorId Lookup(const Source& at) const;
  std::string Name(const Source& at) const { return tree_.FlatName(at.call, at.node); }

  // Adds an op that is neither a call nor control flow. Returns the flat node.
  int Emit(const Source& at);
  bool IsVariable(const Source& at) const { return !at.IsArgument() && tree_.Node(at).op == "VarHandleOp"; }
  const CustomGradients::Use* Gradient(const Source& at);
  // Returns whether this graph has all tensors that the gradient captures.
  bool IsWithin(const CustomGradients::Use& custom) const;
  int TableLookup(const Source& at);
  // Appends what the custom gradient of an IdentityN reads to the inputs and outputs of the IdentityN.
  void Attach(const CustomGradients::Use& custom, FlatNode* node);
  // Returns the weight behind the handle that a reading op takes.
  int Variable(const Source& reader);
  int Weight(const Source& handle);
  // Returns the value of a weight of the model in this graph, or the seed of the run for kRunSeed.
  TensorId Value(int weight);
  // Returns dtype and shape of Value(weight).
  TensorSpec SpecOf(int weight) const;

  // Random numbers: inliner_random.cc. `at` is the op that draws.
  // Returns the seed of this graph, an int32 scalar. In the body of a loop, the turns have different seeds.
  TensorId RunSeed(const Source& at);
  // Returns the seed of `at`: two int32 numbers.
  TensorId SeedOf(const Source& at);
  TensorId Mixed(const Source& at, TensorId seed, TensorId with);
  TensorId Vector(const std::string& name, const std::vector<int64_t>& values);
  // Adds the draw that replaces a draw from the state of a generator. Returns the flat node.
  int DrawFromSeed(const Source& at);
  // Returns whether the variable is the state of a generator of random numbers, which the model advances.
  bool IsRandomState(int weight) const;
  // Adds the state of a generator as `at` reads it. Returns the flat node.
  int ReadState(const Source& at, int weight);
  // Marks the draws whose numbers follow from states of generators (kDrawnByRun). Throws UNIMPLEMENTED if a
  // state has another use. `results` are the results of this graph.
  void MarkDraws(const std::vector<TensorId>& results);
  // ResourceGather(Nd) reads some rows of a variable and becomes a gather from the weight.
  int Gather(const Source& at);
  int VariableShape(const Source& at);

  // Returns the predicate of a branch for which Decide was not called yet.
  std::optional<Source> UndecidedPredicate(const Source& at);
  // Makes the branch a call if its predicate is constant, and returns true. Otherwise expands the branches.
  bool Decide(const Source& at, const Source& predicate);
  // Adds a loop or a branch with its functions. Resources are not passed to the functions: the values of the
  // variables that they read become arguments after the others.
  void EmitControlFlow(const Source& at);
  // Adds what the results of the body need. Returns the results, without resources.
  std::vector<TensorId> Results(int call);
  // Returns the weights that any of the functions reads, and kRunSeed if one draws random numbers.
  static std::vector<int> CapturedBy(const std::vector<std::unique_ptr<Inliner>>& bodies);

  // One step of the walk at a Switch or a Merge. Returns what must be done first, or nothing if the node is
  // done.
  std::vector<Source> StepAtSwitch(const Source& at);
  std::vector<Source> StepAtMerge(const Source& at);
  void EmitBranchV1(const Source& merge, const BranchV1& branch);
  // Returns the argument that stands for a tensor of the outer graph, in the function of a branch.
  TensorId Capture(const Source& source, TF_DataType dtype);

  void CollectNames();
  // Returns the place of the node in the order in which the model was written. Nodes of a body are at the
  // place of the call.
  std::vector<int> Rank(const Place& place) const;

  CallTree& tree_;
  OpRegistry& ops_;
  const Extras extras_;
  Inliner& root_;             // of the model's graph, which has the weights and the functions
  Inliner* outer_ = nullptr;  // null for the root
  int body_ = 0;              // the call that is flattened
  int depth_ = 0;             // of functions within each other
  std::optional<std::pair<Source, int>> side_;  // predicate and side of a branch of TensorFlow 1
  std::optional<Loop> loop_;
  std::optional<TensorId> seed_;   // of this graph
  std::set<int> seeds_;            // nodes whose values follow from states of generators
  std::set<int> states_;           // of the root: the weights that are states of generators
  std::set<std::string> changed_;  // of the root: the names of the variables that a run may change
  FlatGraphBuilder builder_;
  FlatGraph& graph_ = builder_.graph();
  FunctionBodies functions_;  // of the root
  ConstantValues constants_;
  Allowance tensors_left_{bounds::kTensors, "tensors"};  // of the root
  Allowance steps_left_{bounds::kSteps, "steps"};        // of the root: in branches of TensorFlow 1
  std::vector<VariableUse> variables_;                   // of the root
  std::map<Place, int> weights_;        // of the root: VarHandleOp -> index in graph_.weights
  std::map<int, TensorId> captured_;    // weight or kRunSeed -> argument
  std::vector<Captured> arguments_;     // of a branch of TensorFlow 1
  std::map<Place, BranchV1> branches_;  // by Merge
  std::vector<Place> places_;           // of graph_.nodes
  std::map<std::tuple<int, int, int>, TensorId> known_;  // inputs, arguments, results of control flow
  std::map<const LookupTable*, TableConstants> tables_;  // of this graph
  std::map<Place, int> done_;                            // flat node; -1: in known_
  std::set<Place> open_;                                 // visited, not yet emitted
};

// Returns the argument of the body of a loop that counts the turns, or nothing.
std::optional<size_t> TurnCounter(CallTree* tree, int body);

}  // namespace ke::graph
