// A TensorFlow graph under construction, and the builder that adds ops to the graph.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorflow/handles.h"
#include "wire/shape.h"

namespace ke::graph {

class OpBuilder;

// A TF_Graph under construction. The graph is the main graph of a compiled function, or the body of a
// TensorFlow function (a loop's condition or body). A body captures its free tensors from the enclosing
// scope. A graph only grows. Not thread-safe: one thread builds a scope.
class Scope {
 public:
  Scope();
  // Makes a function body inside `outer`, which must outlive the body, or a main graph if `outer` is null.
  explicit Scope(Scope* outer);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  TF_Graph* graph() const { return graph_.get(); }
  Scope* outer() const { return outer_; }
  // Returns the outermost scope: the main graph, which owns the weights.
  Scope& root();

  // Starts an op of `type`. The node has the name `name` (default: the type), with a suffix if the name is
  // taken.
  OpBuilder Op(const std::string& type, const std::string& name = {});
  // Begins the names of all ops that Op() starts from now on, for example "conv1/". Ops of functions that are
  // closed into this graph keep their names.
  void BeginNamesWith(std::string prefix) { prefix_ = std::move(prefix); }
  // Returns a name that no op and no import prefix of this graph has.
  std::string UniqueName(const std::string& base);

  // Returns `tensor` if it belongs to this graph. For a tensor of an enclosing scope, returns the tensor that
  // represents it here: a copy of a small Const, else a captured argument of the function.
  TF_Output Import(TF_Output tensor);
  // The inverse of Import: returns the tensor that a tensor made by Import represents, in the scope that
  // created the original. Returns any other tensor unchanged.
  TF_Output Origin(TF_Output tensor) const;

  TF_Output Placeholder(TF_DataType dtype, const Shape& shape, const std::string& name = "input");
  TF_Output Const(TF_Tensor* tensor, const std::string& name = "const");
  TF_Output Const(const std::vector<int32_t>& values);
  TF_Output Const(int32_t value);
  // Adds `value` as a scalar of a floating or integer dtype. Throws INVALID_ARGUMENT for other dtypes.
  TF_Output Scalar(TF_DataType dtype, double value);

  Shape GetShape(TF_Output tensor) const;
  static TF_DataType GetDType(TF_Output tensor);

  // Enables numerics checks. Call this on the root scope before anything is built. Functions closed from then
  // on, and the graph made by Finish, check every floating value (numerics_checks.h).
  void CheckNumerics() { checks_numerics_ = true; }
  bool checks_numerics() const { return outer_ == nullptr ? checks_numerics_ : outer_->checks_numerics(); }
  // Finishes the graph of the root scope: ops are replaced as Replace() says, and numerics checks are
  // inserted if the scope checks numerics. Every tensor of `feeds` and `fetches` (Identities) is replaced by
  // the tensor of the same name. Nothing may be built afterwards.
  void Finish(std::vector<TF_Output>* feeds, std::vector<TF_Output>* fetches);

  // Makes the finished graph of this scope read the outputs of `by` instead of those of `op`, and drops `op`.
  // `by` computes at least the outputs of `op`, in the same order and from the same inputs. Until the scope
  // is closed or finished, both ops exist: a graph only grows, and no input can be changed.
  void Replace(TF_Operation* op, TF_Operation* by) { replaced_[op] = by; }
  // Returns the op that replaces `op`, through any number of replacements, or `op` itself.
  TF_Operation* Replacement(TF_Operation* op) const;

  // Makes the graph runnable by another process. Call this on the root scope before anything is built. The
  // graph then contains none of this addon's own ops, and all graphs of a model give its variables the same
  // names (SharedWeight).
  void MakePortable() { portable_ = true; }
  bool portable() const { return outer_ == nullptr ? portable_ : outer_->portable(); }

  // Allows bfloat16 for convolutions and matrix products. Call this on the root scope before anything is
  // built. Weights that only these ops read are stored as bfloat16.
  void AllowBfloat16() { bfloat16_ = true; }
  bool bfloat16() const { return outer_ == nullptr ? bfloat16_ : outer_->bfloat16(); }

  // Sets the maximum number of concurrent turns of a loop with independent turns, in this scope and in scopes
  // made inside it later. The run may allow fewer (control/loop_ops.h). The default is 1.
  void AllowTurnsAtOnce(int most) { turns_at_once_ = most; }
  int turns_at_once() const { return turns_at_once_; }
  // Notes that the graph has a loop with concurrent turns, in whichever scope.
  void NoteTurnsAtOnce() { root().has_turns_at_once_ = true; }
  bool has_turns_at_once() const { return has_turns_at_once_; }

  // Closes a body scope into a function named `name` of the outer graph, with all functions of the body's
  // graph. The function contains only the ops that `outputs` need. `arguments` are placeholders of this scope
  // and must include those of the captures that `outputs` need.
  void CloseInto(const std::string& name, const std::vector<TF_Output>& arguments,
                 const std::vector<TF_Output>& outputs);
  // The tensors of the outer scope that Import() made arguments of this body, in order of their capture.
  const std::vector<TF_Output>& captured() const { return captured_; }
  // Returns the serialised FunctionDef of a function of this graph or of an enclosing graph, or null if there
  // is no such function.
  tf::BufferPtr FindFunction(const std::string& name) const;
  // Returns the number of ops of this graph and of the functions closed so far, in all scopes.
  int64_t CountOps();

  // Returns a weight of the root graph. The weight is made once per `key` and captured where needed. A small
  // weight is a Const, so that TensorFlow folds it (batch norm). A large weight is a variable that reads the
  // memory of `value`, so that no graph, session or executor holds a copy: see initializers(). Without
  // `may_fold` the weight is a variable whatever its size. `shared_name` names the variable in a portable
  // graph: equal values have the same name in all processes. The graph chooses the name if the graph is not
  // portable or `shared_name` is empty.
  TF_Output SharedWeight(const void* key, const std::shared_ptr<TF_Tensor>& value, bool may_fold,
                         const std::string& name, const std::string& shared_name = {});

  // The values of the variables. A new session must run all initializers, in one run, before any other run.
  struct Initializer {
    TF_Output feed;
    std::shared_ptr<TF_Tensor> value;
    TF_Operation* assign;
    TF_Output read;
    TF_Output known;  // in a portable graph: whether the variable already has its value
  };
  const std::vector<Initializer>& initializers() const { return initializers_; }

 private:
  bool Owns(TF_Output tensor) const;
  TF_Output Variable(const std::shared_ptr<TF_Tensor>& value, const std::string& name,
                     const std::string& shared_name);
  // Returns the op of that name in this scope or an enclosing scope, or null.
  TF_Operation* FindOp(const std::string& name) const;
  // Adds the functions of another scope's graph to this graph.
  void AddFunctionsOf(const Scope& other);
  // Returns a copy of the graph in which ops are replaced, or null if none is.
  tf::GraphPtr WithReplacements() const;

  tf::GraphPtr graph_;
  Scope* outer_ = nullptr;
  bool checks_numerics_ = false;  // of the root
  bool portable_ = false;         // of the root
  bool bfloat16_ = false;         // of the root
  int turns_at_once_ = 1;
  bool has_turns_at_once_ = false;  // of the root
  int64_t closed_ops_ = 0;          // of the root: ops of the closed functions
  std::string prefix_;
  std::map<std::string, int, std::less<>> names_;
  std::map<std::pair<TF_Operation*, int>, TF_Output> imported_;
  std::map<std::pair<TF_Operation*, int>, TF_Output> origins_;  // tensor here -> tensor in the outer scope
  std::vector<TF_Output> captured_;
  std::map<TF_Operation*, TF_Operation*> replaced_;
  std::map<const void*, TF_Output> shared_weights_;
  std::vector<Initializer> initializers_;
};

// Returns the shape that TensorFlow infers. Throws like CheckShape.
Shape GetShape(TF_Graph* graph, TF_Output tensor);

// Returns the tensor of the same name in another graph, or a null tensor for a null tensor.
TF_Output SameIn(TF_Graph* graph, TF_Output tensor);
Scope::Initializer SameIn(TF_Graph* graph, Scope::Initializer initializer);

// Collects the inputs and attributes of an op, then adds the op. Type and length attributes that TensorFlow
// derives from the inputs (T, N, ...) need not be set. Inputs may belong to an enclosing scope: they are
// imported.
class OpBuilder {
 public:
  OpBuilder(Scope* scope, std::string type, std::string name);

  OpBuilder& In(TF_Output input);
  OpBuilder& InList(const std::vector<TF_Output>& inputs);
  // Makes the op run after `op`, an op of this scope.
  OpBuilder& After(TF_Operation* op);
  OpBuilder& AttrInt(const std::string& name, int64_t value);
  OpBuilder& AttrFloat(const std::string& name, float value);
  OpBuilder& AttrBool(const std::string& name, bool value);
  OpBuilder& AttrString(const std::string& name, const std::string& value);
  OpBuilder& AttrType(const std::string& name, TF_DataType value);
  OpBuilder& AttrTypes(const std::string& name, const std::vector<TF_DataType>& values);
  OpBuilder& AttrShape(const std::string& name, const Shape& value);
  OpBuilder& AttrShapes(const std::string& name, const std::vector<Shape>& values);
  OpBuilder& AttrInts(const std::string& name, const std::vector<int64_t>& values);
  OpBuilder& AttrFloats(const std::string& name, const std::vector<float>& values);
  OpBuilder& AttrFunction(const std::string& name, const std::string& function);
  OpBuilder& AttrTensor(const std::string& name, TF_Tensor* value);
  OpBuilder& Device(const std::string& name);
  // Takes a serialised AttrValue, for example from the NodeDef of another graph.
  OpBuilder& AttrProto(const std::string& name, std::string_view serialized);

  // Adds the op. If TensorFlow refuses the op, throws tf::Error with TensorFlow's code and the name of the
  // node.
  TF_Operation* Finish();
  // Calls Finish() and returns output `index`.
  TF_Output Out(int index = 0) { return {Finish(), index}; }
  std::vector<TF_Output> Outs();

 private:
  using Setter = std::function<void(TF_OperationDescription*, TF_Status*)>;
  Scope* scope_;
  std::string type_;
  std::string name_;
  std::vector<Setter> setters_;
};

}  // namespace ke::graph
