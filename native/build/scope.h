// A TensorFlow graph under construction, and the builder that adds ops to it.
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

// One TF_Graph under construction: the main graph of a compiled function, or the body of a TensorFlow
// function (a loop's condition or body) whose free tensors are captured from the scope around it. A graph
// only grows. Not thread-safe: one thread builds a scope.
class Scope {
 public:
  Scope();
  // A function body inside `outer`, which must outlive it; null: a main graph.
  explicit Scope(Scope* outer);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  TF_Graph* graph() const { return graph_.get(); }
  Scope* outer() const { return outer_; }
  // The outermost scope: the main graph, which owns weights.
  Scope& root();

  // Starts an op of `type`. Its node is named `name` (default: the type), made unique with a suffix.
  OpBuilder Op(const std::string& type, const std::string& name = {});
  // A name no op and no import prefix of this graph has.
  std::string UniqueName(const std::string& base);

  // Returns `tensor` where it belongs to this graph; where it belongs to a scope around this one, the tensor
  // that stands for it here: a copy of a small Const, else a captured argument of the function.
  TF_Output Import(TF_Output tensor);
  // The other way: what a tensor of this graph that Import made stands for, in the scope that made it; any
  // other tensor is returned as it is.
  TF_Output Origin(TF_Output tensor) const;

  TF_Output Placeholder(TF_DataType dtype, const Shape& shape, const std::string& name = "input");
  TF_Output Const(TF_Tensor* tensor, const std::string& name = "const");
  TF_Output Const(const std::vector<int32_t>& values);
  TF_Output Const(int32_t value);
  // A scalar of a floating or integer dtype, converted from `value`. Throws INVALID_ARGUMENT for other
  // dtypes.
  TF_Output Scalar(TF_DataType dtype, double value);

  Shape GetShape(TF_Output tensor) const;
  static TF_DataType GetDType(TF_Output tensor);

  // From here on, in the root scope before anything is built: functions that are closed, and what
  // InsertNumericsChecks makes of the graph, check every floating value (numerics_checks.h).
  void CheckNumerics() { checks_numerics_ = true; }
  bool checks_numerics() const { return outer_ == nullptr ? checks_numerics_ : outer_->checks_numerics(); }
  // Where the root scope checks numerics: replaces its graph, once it is finished, by one with checks, and
  // every tensor of `feeds` and `fetches` (Identities) by the one of the same name. Nothing is built
  // afterwards.
  void InsertNumericsChecks(std::vector<TF_Output>* feeds, std::vector<TF_Output>* fetches);

  // From here on, in the root scope before anything is built: the graph can be run by another process. It
  // holds no op of our own, and its variables are named alike in all graphs of a model (SharedWeight).
  void MakePortable() { portable_ = true; }
  bool portable() const { return outer_ == nullptr ? portable_ : outer_->portable(); }

  // From here on, in the root scope before anything is built: convolutions and matrix products may be
  // computed in bfloat16, and weights that only these read are kept so.
  void AllowBfloat16() { bfloat16_ = true; }
  bool bfloat16() const { return outer_ == nullptr ? bfloat16_ : outer_->bfloat16(); }

  // From here on, in this scope and those that will be in it: so many turns of a loop whose turns do not need
  // each other may be under way at once, where the run agrees (control/loop_ops.h). 1 without.
  void AllowTurnsAtOnce(int most) { turns_at_once_ = most; }
  int turns_at_once() const { return turns_at_once_; }
  // There is such a loop in the graph, whichever scope it is in.
  void NoteTurnsAtOnce() { root().has_turns_at_once_ = true; }
  bool has_turns_at_once() const { return has_turns_at_once_; }

  // Closes a body scope into a function named `name` of the outer graph, with the functions that it calls.
  // `arguments` are placeholders of this scope; those of the captures must be among them.
  void CloseInto(const std::string& name, const std::vector<TF_Output>& arguments,
                 const std::vector<TF_Output>& outputs);
  // The tensors of the outer scope that Import() made arguments of this body, in order of their capture.
  const std::vector<TF_Output>& captured() const { return captured_; }

  // A weight of the root graph, made once per `key` and captured where needed. A small one is a Const, so
  // that TensorFlow folds it (batch norm); a large one is a variable that reads `value`'s own memory, so that
  // no graph, session or executor holds a copy of it: see initializers(). Without `may_fold` it is a variable
  // whatever its size. `shared_name`: of the variable in a portable graph, the same for the same value in all
  // processes; else, and where it is empty, the graph's own.
  TF_Output SharedWeight(const void* key, const std::shared_ptr<TF_Tensor>& value, bool may_fold,
                         const std::string& name, const std::string& shared_name = {});

  // What a new session must be given, in one run, before it runs anything else: the values of the variables.
  struct Initializer {
    TF_Output feed;
    std::shared_ptr<TF_Tensor> value;
    TF_Operation* assign;
    TF_Output read;
    TF_Output known;  // of a portable graph: whether the variable has its value already
  };
  const std::vector<Initializer>& initializers() const { return initializers_; }

 private:
  bool Owns(TF_Output tensor) const;
  TF_Output Variable(const std::shared_ptr<TF_Tensor>& value, const std::string& name,
                     const std::string& shared_name);
  // The op of that name here or in a scope around, or null.
  TF_Operation* FindOp(const std::string& name) const;
  void AddFunction(std::shared_ptr<TF_Function> function);

  tf::GraphPtr graph_;
  Scope* outer_ = nullptr;
  bool checks_numerics_ = false;  // of the root
  bool portable_ = false;         // of the root
  bool bfloat16_ = false;         // of the root
  int turns_at_once_ = 1;
  bool has_turns_at_once_ = false;  // of the root
  std::map<std::string, int, std::less<>> names_;
  std::map<std::pair<TF_Operation*, int>, TF_Output> imported_;
  std::map<std::pair<TF_Operation*, int>, TF_Output> origins_;  // here -> in the outer scope
  std::vector<TF_Output> captured_;
  std::vector<std::shared_ptr<TF_Function>> functions_;
  std::map<const void*, TF_Output> shared_weights_;
  std::vector<Initializer> initializers_;
};

// As TensorFlow infers it. Throws as CheckShape.
Shape GetShape(TF_Graph* graph, TF_Output tensor);

// The tensor of the same name in another graph; none for none.
TF_Output SameIn(TF_Graph* graph, TF_Output tensor);
Scope::Initializer SameIn(TF_Graph* graph, Scope::Initializer initializer);

// Collects an op's inputs and attributes, then adds it. Type and length attributes that TensorFlow derives
// from the inputs (T, N, ...) need not be set. Inputs may belong to an outer scope: they are imported.
class OpBuilder {
 public:
  OpBuilder(Scope* scope, std::string type, std::string name);

  OpBuilder& In(TF_Output input);
  OpBuilder& InList(const std::vector<TF_Output>& inputs);
  // Runs after `op`, which is of this scope.
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
  // A serialised AttrValue, as it stands in another graph's NodeDef.
  OpBuilder& AttrProto(const std::string& name, std::string_view serialized);

  // Adds the op. Throws tf::Error with TensorFlow's code and the node's name where TensorFlow refuses it.
  TF_Operation* Finish();
  // Finish(), then output `index`.
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
