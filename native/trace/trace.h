// The recording of a method: symbolic tensors, and the equations between them.
//
// A method runs once, on the JavaScript thread, over symbolic tensors. A Trace adds each op to a scratch
// graph, so that TensorFlow infers shapes and dtypes, and records an equation (equation.h). Model calls and
// gradients add only placeholders to the scratch graph, which takes microseconds. The replay builds the model
// calls and gradients on a background thread, into the graph that runs.
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

  // Begins the names of the ops of all equations from now on, for example with "conv1/". Names change nothing
  // that is computed and are not part of the encoding.
  void BeginNamesWith(std::string scope) { names_ = std::move(scope); }

  // Adds an input of the compiled function or, in a body, of the loop.
  Symbol Placeholder(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  // Adds a constant. A small integer constant that this trace already has is reused.
  Symbol Constant(tf::TensorPtr value);
  std::vector<Symbol> Op(const std::string& type, const std::vector<OpInput>& inputs, const Attrs& attrs);
  // Returns the model's tensors `outputs` ("node:index", or the name of a weight) for the given inputs.
  std::vector<Symbol> CallModel(std::shared_ptr<const graph::ModelGraph> model,
                                const std::vector<SymbolId>& inputs, const std::vector<std::string>& outputs);
  // Records gradient::Gradient. An entry of `grad_ys` below 0 means ones. Empty `grad_ys` mean ones for all
  // ys.
  std::vector<Symbol> Gradient(const std::vector<SymbolId>& ys, const std::vector<SymbolId>& xs,
                               const std::vector<SymbolId>& grad_ys, const Overrides& overrides);

  // A per-sample Jacobian. For every unit u of `ys` (N, ...U), the loop computes the gradients of sum_n ys[n,
  // u] with respect to each of `xs` (N, ...). BeginJacobian opens a body that runs once per unit over
  // `gradients`. Each gradient has the shape of its x and is zero if ys does not depend on the x. EndJacobian
  // closes the body with the value to keep per unit and returns the stacked values: (N, ...U, ...value
  // without its batch axis).
  struct Jacobian {
    std::shared_ptr<Trace> body;
    std::vector<Symbol> gradients;
  };
  Jacobian BeginJacobian(SymbolId ys, const std::vector<SymbolId>& xs, const Overrides& overrides);
  Symbol EndJacobian(const std::shared_ptr<Trace>& body, SymbolId value);

  // BeginStack opens a body that runs for index = 0 .. count - 1. EndStack closes the body with the value of
  // a turn and returns the stacked values: (count, ...value). `count` and `index` are int32 scalars. If count
  // is 0 and the shape of the value is known only after a turn has run, the body runs once and its value is
  // dropped.
  struct Stack {
    std::shared_ptr<Trace> body;
    Symbol index;
  };
  Stack BeginStack(SymbolId count);
  Symbol EndStack(const std::shared_ptr<Trace>& body, SymbolId value);

  // Returns a child trace for a loop's condition or body. The child may use the symbols of this trace.
  std::shared_ptr<Trace> Body();
  // Runs `body` (placeholders -> results) from `initial` while `condition` holds. The placeholders of both
  // traces declare the shapes of the loop variables: a dim that changes between turns must be unknown.
  // `count`: the number of turns, an int32 scalar, for the progress of the run, or -1 if unknown.
  std::vector<Symbol> While(const std::shared_ptr<Trace>& condition, SymbolId condition_result,
                            const std::shared_ptr<Trace>& body, const std::vector<SymbolId>& body_results,
                            const std::vector<SymbolId>& initial, SymbolId count = -1);

  Symbol Get(SymbolId id) const;

  // Returns the recording for `fetches` of this trace, without equations that `fetches` do not need and
  // without repeated computations (simplify.h).
  Block Simplified(const std::vector<SymbolId>& fetches) const;
  // Returns the whole recording, unsimplified.
  const Block& recorded() const { return block_; }

  // Builds Simplified into `scope` and returns the tensors of `fetches`. `feeds` receives the placeholders of
  // this trace in the order of their creation. The first `logits` fetches are logits, which stay in float32
  // if `scope` allows bfloat16 (rewrite/bfloat16.h). Call Replay on a background thread. Only one thread at a
  // time may replay a trace, and only after the recording ends.
  std::vector<TF_Output> Replay(graph::Scope* scope, const std::vector<SymbolId>& fetches,
                                std::vector<TF_Output>* feeds, size_t logits = 0) const;

 private:
  // The operation that opened this body, while the body is open.
  struct PendingJacobian;
  struct PendingStack;

  Trace(std::shared_ptr<Trace> outer, std::shared_ptr<SymbolId> next_id);
  // Returns the tensor of a symbol in the scratch graph.
  TF_Output Resolve(SymbolId id);
  Symbol Define(TF_Output tensor);
  // Adds a placeholder to the scratch graph for a value that only the replay builds.
  Symbol Stand(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  Symbol Parameter(TF_DataType dtype, const graph::Shape& shape, const std::string& name);
  std::vector<Symbol> Get(const std::vector<SymbolId>& ids) const;
  // Adds an equation and returns its outputs.
  std::vector<Symbol> Add(Operation operation, std::vector<Symbol> outputs);
  // Ends the recording of a body and returns the recorded block, which becomes part of an equation.
  BlockPtr Close(const std::vector<SymbolId>& results);

  std::shared_ptr<Trace> outer_;
  bool closed_ = false;
  std::shared_ptr<SymbolId> next_id_;  // shared by a trace and its bodies
  graph::Scope scratch_;
  std::map<SymbolId, TF_Output> tensors_;
  std::map<std::string, Symbol> small_constants_;  // by key and content
  std::string names_;
  Block block_;
  std::unique_ptr<PendingJacobian> jacobian_;
  std::unique_ptr<PendingStack> stack_;
};

}  // namespace ke::trace
