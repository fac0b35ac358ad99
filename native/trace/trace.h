// What a method records: symbolic tensors, and the equations between them.
//
// A method runs once, on the JavaScript thread, over symbolic tensors. A Trace adds each of its ops to a
// scratch graph, so that shapes and dtypes are TensorFlow's own inference, and records an equation
// (equation.h). Calls of the model and gradients leave only placeholders in the scratch graph: they cost
// microseconds now and are built for real by the replay, on a background thread, into the graph that runs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "build/scope.h"
#include "trace/equation.h"

namespace ke::trace {

class Trace : public std::enable_shared_from_this<Trace> {
 public:
  static std::shared_ptr<Trace> Create();
  ~Trace();

  // An input of the compiled function (or, in a body, of the loop).
  Symbol Placeholder(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  // A small integer constant that this trace has already is returned again.
  Symbol Constant(tf::TensorPtr value);
  std::vector<Symbol> Op(const std::string& type, const std::vector<OpInput>& inputs, const Attrs& attrs);
  // The model's tensors `outputs` ("node:index", or a weight's name) for the given inputs.
  std::vector<Symbol> CallModel(std::shared_ptr<const graph::ModelGraph> model,
                                const std::vector<SymbolId>& inputs, const std::vector<std::string>& outputs);
  // gradient::Gradient; an entry of grad_ys below 0 means ones. Empty grad_ys: ones for all.
  std::vector<Symbol> Gradient(const std::vector<SymbolId>& ys, const std::vector<SymbolId>& xs,
                               const std::vector<SymbolId>& grad_ys, const Overrides& overrides);

  // A Jacobian by samples: for every unit u of `ys` (N, ...U) the gradients of sum_n ys[n, u] with respect to
  // each of `xs` (N, ...). Opens a body that is run once per unit over `gradients`, each shaped like its x
  // (zeros where ys does not depend on it); EndJacobian closes it with the value to keep per unit and returns
  // that stacked: (N, ...U, ...value without its batch axis).
  struct Jacobian {
    std::shared_ptr<Trace> body;
    std::vector<Symbol> gradients;
  };
  Jacobian BeginJacobian(SymbolId ys, const std::vector<SymbolId>& xs, const Overrides& overrides);
  Symbol EndJacobian(const std::shared_ptr<Trace>& body, SymbolId value);

  // Opens a body that is run for index = 0 .. count - 1, one after the other; EndStack closes it with the
  // value of a turn and returns those stacked: (count, ...value). `count` and `index` are int32 scalars.
  // Where count is 0 and the value's shape is known only by running the body, it is run once, and nothing
  // kept.
  struct Stack {
    std::shared_ptr<Trace> body;
    Symbol index;
  };
  Stack BeginStack(SymbolId count);
  Symbol EndStack(const std::shared_ptr<Trace>& body, SymbolId value);

  // A child trace, for a loop's condition or body; it may use this trace's symbols.
  std::shared_ptr<Trace> Body();
  // Runs `body` (placeholders -> results) while `condition` holds, from `initial`. The placeholders of both
  // traces say the loop variables' shapes: a dim that changes from turn to turn must be unknown there.
  // `count`: an int32 scalar, how many turns there will be, for the run's progress; -1 where that is not
  // known.
  std::vector<Symbol> While(const std::shared_ptr<Trace>& condition, SymbolId condition_result,
                            const std::shared_ptr<Trace>& body, const std::vector<SymbolId>& body_results,
                            const std::vector<SymbolId>& initial, SymbolId count = -1);

  Symbol Get(SymbolId id) const;

  // What was recorded, for `fetches` of this trace: without what they do not need, and without what would be
  // computed twice (simplify.h).
  Block Simplified(const std::vector<SymbolId>& fetches) const;
  // Everything, as it was recorded.
  const Block& recorded() const { return block_; }

  // Builds Simplified into `scope` and returns the tensors of `fetches`. `feeds` receives the placeholders of
  // this trace in the order in which they were made. For a background thread; a trace is replayed by one
  // thread at a time, and not while it still records.
  std::vector<TF_Output> Replay(graph::Scope* scope, const std::vector<SymbolId>& fetches,
                                std::vector<TF_Output>* feeds) const;

 private:
  // What a body was opened by, while it is open.
  struct PendingJacobian;
  struct PendingStack;

  Trace(std::shared_ptr<Trace> outer, std::shared_ptr<SymbolId> next_id);
  // The tensor that stands for a symbol in the scratch graph.
  TF_Output Resolve(SymbolId id);
  Symbol Define(TF_Output tensor);
  // A placeholder in the scratch graph for what only the replay builds.
  Symbol Stand(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  Symbol Parameter(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  std::vector<Symbol> Get(const std::vector<SymbolId>& ids) const;
  // Adds an equation and returns its outputs.
  std::vector<Symbol> Add(Operation operation, std::vector<Symbol> outputs);
  // Ends the recording of a body: what it recorded is the block of an equation from now on.
  BlockPtr Close(const std::vector<SymbolId>& results);

  std::shared_ptr<Trace> outer_;
  bool closed_ = false;
  std::shared_ptr<SymbolId> next_id_;  // of a trace and its bodies
  graph::Scope scratch_;
  std::map<SymbolId, TF_Output> tensors_;
  std::map<std::string, Symbol> small_constants_;  // by key and content
  Block block_;
  std::unique_ptr<PendingJacobian> jacobian_;
  std::unique_ptr<PendingStack> stack_;
};

}  // namespace ke::trace
