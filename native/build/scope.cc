#include "build/scope.h"

#include <unordered_set>

#include "build/replace_ops.h"
#include "ir/instance_name.h"
#include "numerics/numerics_checks.h"
#include "numerics/numerics_op.h"
#include "tensorflow/read_graph.h"
#include "wire/bounds.h"

namespace ke::graph {

using tf::C;

namespace {

// A Const of at most this many elements is copied into a function body instead of captured. Shape inference
// and constant folding in the body then know shapes and axes.
constexpr int64_t kCopiedConstElements = 256;

// A weight of at most this many bytes is a Const. TensorFlow folds these weights: biases and batch norm.
// Kernels are larger. As Consts, the kernels of ResNet50 would exist about six times per compiled function
// (graph, session, executor, folding): 1.6 GB resident after one Grad-CAM against 0.5 GB as variables, and
// 6.2 s to the first map against 1.3 s. A step would be no faster.
constexpr size_t kFoldedWeightBytes = 64 * 1024;

tf::TensorPtr SmallConstValue(TF_Output tensor) {
  if (std::string_view(C().TF_OperationOpType(tensor.oper)) != "Const") return nullptr;
  tf::Status status;
  // TensorFlow does not set total_size for tensor attributes, so the element count is read from the value.
  TF_Tensor* value = nullptr;
  C().TF_OperationGetAttrTensor(tensor.oper, "value", &value, status);
  if (!status.ok()) return nullptr;
  tf::TensorPtr owned(value);
  if (C().TF_TensorElementCount(value) > kCopiedConstElements) return nullptr;
  return owned;
}

std::vector<tf::FunctionPtr> FunctionsOf(TF_Graph* graph) {
  std::vector<TF_Function*> handles(C().TF_GraphNumFunctions(graph));
  tf::Status status;
  const int count = C().TF_GraphGetFunctions(graph, handles.data(), static_cast<int>(handles.size()), status);
  status.Check();
  return {handles.begin(), handles.begin() + count};
}

// Returns the ops that compute `results` from `inputs`, in the order of the graph.
std::vector<const TF_Operation*> OpsFor(TF_Graph* graph, const std::vector<TF_Output>& results,
                                        const std::vector<TF_Output>& inputs) {
  std::unordered_set<TF_Operation*> needed = tf::OpsBehind(results);
  for (const TF_Output& input : inputs) needed.erase(input.oper);
  std::vector<const TF_Operation*> ops;
  size_t position = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(graph, &position)) {
    if (needed.count(op) > 0) ops.push_back(op);
  }
  return ops;
}

// Returns `value` as a float32 scalar. TensorFlow's conversions to half and bfloat16 need its C++ headers, so
// a Cast in the graph converts to these dtypes.
tf::TensorPtr FloatScalar(double value) {
  const auto narrow = static_cast<float>(value);
  return tf::MakeTensor(TF_FLOAT, {}, &narrow);
}

}  // namespace

Scope::Scope() : graph_(C().TF_NewGraph()) {}

Scope::Scope(Scope* outer) : graph_(C().TF_NewGraph()), outer_(outer) {
  if (outer == nullptr) return;
  turns_at_once_ = outer->turns_at_once_;
}

Scope& Scope::root() { return outer_ == nullptr ? *this : outer_->root(); }

OpBuilder Scope::Op(const std::string& type, const std::string& name) {
  return OpBuilder(this, type, prefix_ + (name.empty() ? type : name));
}

std::string Scope::UniqueName(const std::string& base) {
  int& count = names_[base];
  if (count++ == 0) return base;
  std::string name;
  do {
    name = base + "_" + std::to_string(names_[base]++ - 1);
  } while (names_.count(name) > 0);
  names_[name] = 1;
  return name;
}

bool Scope::Owns(TF_Output tensor) const {
  return C().TF_GraphOperationByName(graph_.get(), C().TF_OperationName(tensor.oper)) == tensor.oper;
}

TF_Output Scope::Import(TF_Output tensor) {
  if (tensor.oper == nullptr) throw tf::Error(TF_INTERNAL, "an op was given no input");
  if (Owns(tensor)) return tensor;
  const auto known = imported_.find({tensor.oper, tensor.index});
  if (known != imported_.end()) return known->second;
  if (outer_ == nullptr) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a tensor of another graph was used",
                    C().TF_OperationName(tensor.oper));
  }
  const TF_Output outer = outer_->Import(tensor);
  TF_Output here;
  if (const tf::TensorPtr value = SmallConstValue(outer)) {
    here = Const(value.get(), kCopyPrefix + std::string(C().TF_OperationName(outer.oper)));
  } else {
    const auto captured = imported_.find({outer.oper, outer.index});
    if (captured != imported_.end()) {
      here = captured->second;
    } else {
      here = Placeholder(GetDType(outer), outer_->GetShape(outer), "captured");
      captured_.push_back(outer);
    }
  }
  imported_[{tensor.oper, tensor.index}] = here;
  imported_[{outer.oper, outer.index}] = here;
  origins_[{here.oper, here.index}] = outer;
  return here;
}

TF_Output Scope::Origin(TF_Output tensor) const {
  const auto found = origins_.find({tensor.oper, tensor.index});
  return found == origins_.end() ? tensor : outer_->Origin(found->second);
}

TF_Output Scope::Placeholder(TF_DataType dtype, const Shape& shape, const std::string& name) {
  return Op("Placeholder", name).AttrType("dtype", dtype).AttrShape("shape", shape).Out();
}

TF_Output Scope::Const(TF_Tensor* tensor, const std::string& name) {
  return Op("Const", name).AttrTensor("value", tensor).AttrType("dtype", C().TF_TensorType(tensor)).Out();
}

TF_Output Scope::Const(const std::vector<int32_t>& values) {
  return Const(tf::MakeTensor(TF_INT32, {static_cast<int64_t>(values.size())}, values.data()).get());
}

TF_Output Scope::Const(int32_t value) { return Const(tf::MakeTensor(TF_INT32, {}, &value).get()); }

TF_Output Scope::Scalar(TF_DataType dtype, double value) {
  switch (dtype) {
    case TF_FLOAT:
      return Const(FloatScalar(value).get());
    case TF_DOUBLE:
      return Const(tf::MakeTensor(TF_DOUBLE, {}, &value).get());
    case TF_INT32:
      return Const(static_cast<int32_t>(value));
    case TF_INT64: {
      const auto integer = static_cast<int64_t>(value);
      return Const(tf::MakeTensor(TF_INT64, {}, &integer).get());
    }
    case TF_HALF:
    case TF_BFLOAT16:
      return Op("Cast").In(Const(FloatScalar(value).get())).AttrType("DstT", dtype).Out();
    default:
      throw tf::Error(TF_INVALID_ARGUMENT, "no scalar of dtype " + std::to_string(dtype) + " can be made");
  }
}

Shape Scope::GetShape(TF_Output tensor) const { return graph::GetShape(graph(), tensor); }

TF_DataType Scope::GetDType(TF_Output tensor) { return C().TF_OperationOutputType(tensor); }

void Scope::CloseInto(const std::string& name, const std::vector<TF_Output>& arguments,
                      const std::vector<TF_Output>& outputs) {
  // Each result is an Identity, because `outputs` may contain an argument, or the same tensor twice.
  std::vector<TF_Output> results;
  results.reserve(outputs.size());
  for (const TF_Output& output : outputs) results.push_back(Op("Identity", "result").In(output).Out());
  std::vector<TF_Output> inputs = arguments;
  const tf::GraphPtr replaced = WithReplacements();
  TF_Graph* graph = replaced == nullptr ? graph_.get() : replaced.get();
  tf::GraphPtr checked;
  if (root().checks_numerics_) {
    checked = WithNumericsChecks(graph, {{}, {}, {}, [this](const std::string& op) { return FindOp(op); }});
    graph = checked.get();
  }
  for (std::vector<TF_Output>* tensors : {&inputs, &results}) {
    for (TF_Output& tensor : *tensors) tensor = SameIn(graph, tensor);
  }
  const std::vector<const TF_Operation*> ops = OpsFor(graph, results, inputs);
  tf::Status status;
  const tf::FunctionPtr function(C().TF_GraphToFunction(
      graph, name.c_str(), 0, static_cast<int>(ops.size()), ops.data(), static_cast<int>(inputs.size()),
      inputs.data(), static_cast<int>(results.size()), results.data(), nullptr, nullptr, nullptr, status));
  status.Check(name);
  outer_->AddFunctionsOf(*this);
  C().TF_GraphCopyFunction(outer_->graph(), function.get(), nullptr, status);
  status.Check(name);
  root().closed_ops_ += static_cast<int64_t>(ops.size());
}

int64_t Scope::CountOps() { return tf::CountOps(graph_.get()) + root().closed_ops_; }

TF_Operation* Scope::FindOp(const std::string& name) const {
  TF_Operation* const op = C().TF_GraphOperationByName(graph_.get(), name.c_str());
  return op != nullptr || outer_ == nullptr ? op : outer_->FindOp(name);
}

void Scope::Finish(std::vector<TF_Output>* feeds, std::vector<TF_Output>* fetches) {
  const auto continue_in = [&](tf::GraphPtr graph) {
    for (std::vector<TF_Output>* tensors : {feeds, fetches}) {
      for (TF_Output& tensor : *tensors) tensor = SameIn(graph.get(), tensor);
    }
    for (Initializer& initializer : initializers_) initializer = SameIn(graph.get(), initializer);
    graph_ = std::move(graph);
  };
  if (tf::GraphPtr replaced = WithReplacements()) continue_in(std::move(replaced));
  if (!checks_numerics_) return;
  std::vector<TF_Output> bad_weights;
  for (const Initializer& initializer : initializers_) {
    if (WorstOf(initializer.value.get()) != Worst::kFinite) bad_weights.push_back(initializer.read);
  }
  continue_in(WithNumericsChecks(graph_.get(), {*feeds, *fetches, std::move(bad_weights),
                                                [this](const std::string& op) { return FindOp(op); }}));
}

TF_Operation* Scope::Replacement(TF_Operation* op) const {
  for (auto by = replaced_.find(op); by != replaced_.end(); by = replaced_.find(op)) op = by->second;
  return op;
}

tf::GraphPtr Scope::WithReplacements() const {
  if (replaced_.empty()) return nullptr;
  std::map<std::string, std::string, std::less<>> names;
  for (const auto& [op, by] : replaced_) {
    names[C().TF_OperationName(op)] = C().TF_OperationName(Replacement(by));
  }
  return WithReplacedOps(graph_.get(), names);
}

tf::BufferPtr Scope::FindFunction(const std::string& name) const {
  for (const tf::FunctionPtr& function : FunctionsOf(graph_.get())) {
    if (C().TF_FunctionName(function.get()) != name) continue;
    tf::BufferPtr definition = tf::NewBuffer();
    tf::Status status;
    C().TF_FunctionToFunctionDef(function.get(), definition.get(), status);
    status.Check(name);
    return definition;
  }
  return outer_ == nullptr ? nullptr : outer_->FindFunction(name);
}

void Scope::AddFunctionsOf(const Scope& other) {
  tf::Status status;
  for (const tf::FunctionPtr& function : FunctionsOf(other.graph_.get())) {
    C().TF_GraphCopyFunction(graph_.get(), function.get(), nullptr, status);
    status.Check(C().TF_FunctionName(function.get()));
  }
}

TF_Output Scope::SharedWeight(const void* key, const std::shared_ptr<TF_Tensor>& value, bool may_fold,
                              const std::string& name, const std::string& shared_name) {
  Scope& top = root();
  auto known = top.shared_weights_.find(key);
  if (known == top.shared_weights_.end()) {
    const bool folds = may_fold && C().TF_TensorByteSize(value.get()) <= kFoldedWeightBytes;
    known = top.shared_weights_
                .emplace(key, folds ? top.Const(value.get(), name) : top.Variable(value, name, shared_name))
                .first;
  }
  return Import(known->second);
}

TF_Output Scope::Variable(const std::shared_ptr<TF_Tensor>& value, const std::string& name,
                          const std::string& shared_name) {
  const Shape shape = Shape::Of(tf::Dims(value.get()));
  const TF_DataType dtype = C().TF_TensorType(value.get());
  const std::string unique = UniqueName(name);
  const TF_Output handle =
      Op("VarHandleOp", unique + "/handle")
          .AttrType("dtype", dtype)
          .AttrShape("shape", shape)
          .AttrString("shared_name", portable_ && !shared_name.empty() ? shared_name : unique)
          .Out();
  const TF_Output feed = Placeholder(dtype, shape, unique + "/value");
  TF_Operation* assign = Op("AssignVariableOp", unique + "/assign").In(handle).In(feed).Finish();
  const TF_Output read = Op("ReadVariableOp", unique + "/read").In(handle).AttrType("dtype", dtype).Out();
  TF_Output known{nullptr, 0};
  if (portable_) known = Op("VarIsInitializedOp", unique + "/known").In(handle).Out();
  initializers_.push_back({feed, value, assign, read, known});
  return read;
}

Shape GetShape(TF_Graph* graph, TF_Output tensor) {
  tf::Status status;
  const int rank = C().TF_GraphGetTensorNumDims(graph, tensor, status);
  status.Check();
  if (rank < 0) return Shape::Unknown();
  std::vector<int64_t> dims(rank);
  C().TF_GraphGetTensorShape(graph, tensor, dims.data(), rank, status);
  status.Check();
  Shape shape = Shape::Of(std::move(dims));
  // TensorFlow may infer a shape that exceeds the limits on declared shapes.
  CheckShape(shape, "a tensor", C().TF_OperationName(tensor.oper));
  return shape;
}

TF_Output SameIn(TF_Graph* graph, TF_Output tensor) {
  if (tensor.oper == nullptr) return tensor;
  return {C().TF_GraphOperationByName(graph, C().TF_OperationName(tensor.oper)), tensor.index};
}

Scope::Initializer SameIn(TF_Graph* graph, Scope::Initializer initializer) {
  initializer.feed = SameIn(graph, initializer.feed);
  initializer.read = SameIn(graph, initializer.read);
  initializer.known = SameIn(graph, initializer.known);
  initializer.assign = SameIn(graph, TF_Output{initializer.assign, 0}).oper;
  return initializer;
}

OpBuilder::OpBuilder(Scope* scope, std::string type, std::string name)
    : scope_(scope), type_(std::move(type)), name_(std::move(name)) {}

OpBuilder& OpBuilder::In(TF_Output input) {
  const TF_Output here = scope_->Import(input);
  setters_.emplace_back([here](TF_OperationDescription* op, TF_Status*) { C().TF_AddInput(op, here); });
  return *this;
}

OpBuilder& OpBuilder::InList(const std::vector<TF_Output>& inputs) {
  std::vector<TF_Output> here;
  here.reserve(inputs.size());
  for (const TF_Output& input : inputs) here.push_back(scope_->Import(input));
  setters_.emplace_back([here = std::move(here)](TF_OperationDescription* op, TF_Status*) {
    C().TF_AddInputList(op, here.data(), static_cast<int>(here.size()));
  });
  return *this;
}

OpBuilder& OpBuilder::After(TF_Operation* op) {
  setters_.emplace_back(
      [op](TF_OperationDescription* description, TF_Status*) { C().TF_AddControlInput(description, op); });
  return *this;
}

OpBuilder& OpBuilder::AttrInt(const std::string& name, int64_t value) {
  setters_.emplace_back(
      [=](TF_OperationDescription* op, TF_Status*) { C().TF_SetAttrInt(op, name.c_str(), value); });
  return *this;
}

OpBuilder& OpBuilder::AttrFloat(const std::string& name, float value) {
  setters_.emplace_back(
      [=](TF_OperationDescription* op, TF_Status*) { C().TF_SetAttrFloat(op, name.c_str(), value); });
  return *this;
}

OpBuilder& OpBuilder::AttrBool(const std::string& name, bool value) {
  setters_.emplace_back(
      [=](TF_OperationDescription* op, TF_Status*) { C().TF_SetAttrBool(op, name.c_str(), value ? 1 : 0); });
  return *this;
}

OpBuilder& OpBuilder::AttrString(const std::string& name, const std::string& value) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrString(op, name.c_str(), value.data(), value.size());
  });
  return *this;
}

OpBuilder& OpBuilder::AttrType(const std::string& name, TF_DataType value) {
  setters_.emplace_back(
      [=](TF_OperationDescription* op, TF_Status*) { C().TF_SetAttrType(op, name.c_str(), value); });
  return *this;
}

OpBuilder& OpBuilder::AttrTypes(const std::string& name, const std::vector<TF_DataType>& values) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrTypeList(op, name.c_str(), values.data(), static_cast<int>(values.size()));
  });
  return *this;
}

OpBuilder& OpBuilder::AttrShape(const std::string& name, const Shape& value) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrShape(op, name.c_str(), value.known_rank ? value.dims.data() : nullptr, value.rank());
  });
  return *this;
}

OpBuilder& OpBuilder::AttrShapes(const std::string& name, const std::vector<Shape>& values) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    std::vector<const int64_t*> dims;
    std::vector<int> ranks;
    for (const Shape& shape : values) {
      dims.push_back(shape.known_rank ? shape.dims.data() : nullptr);
      ranks.push_back(shape.rank());
    }
    C().TF_SetAttrShapeList(op, name.c_str(), dims.data(), ranks.data(), static_cast<int>(values.size()));
  });
  return *this;
}

OpBuilder& OpBuilder::AttrInts(const std::string& name, const std::vector<int64_t>& values) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrIntList(op, name.c_str(), values.data(), static_cast<int>(values.size()));
  });
  return *this;
}

OpBuilder& OpBuilder::AttrFloats(const std::string& name, const std::vector<float>& values) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrFloatList(op, name.c_str(), values.data(), static_cast<int>(values.size()));
  });
  return *this;
}

OpBuilder& OpBuilder::AttrFunction(const std::string& name, const std::string& function) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) {
    C().TF_SetAttrFuncName(op, name.c_str(), function.data(), function.size());
  });
  return *this;
}

OpBuilder& OpBuilder::AttrTensor(const std::string& name, TF_Tensor* value) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status* status) {
    C().TF_SetAttrTensor(op, name.c_str(), value, status);
  });
  return *this;
}

OpBuilder& OpBuilder::Device(const std::string& name) {
  setters_.emplace_back([=](TF_OperationDescription* op, TF_Status*) { C().TF_SetDevice(op, name.c_str()); });
  return *this;
}

OpBuilder& OpBuilder::AttrProto(const std::string& name, std::string_view serialized) {
  setters_.emplace_back([=, proto = std::string(serialized)](TF_OperationDescription* op, TF_Status* status) {
    C().TF_SetAttrValueProto(op, name.c_str(), proto.data(), proto.size(), status);
  });
  return *this;
}

TF_Operation* OpBuilder::Finish() {
  const std::string name = scope_->UniqueName(name_);
  tf::Status status;
  // TensorFlow frees a description only in TF_FinishOperation, so nothing may throw before that call.
  TF_OperationDescription* description = C().TF_NewOperation(scope_->graph(), type_.c_str(), name.c_str());
  TF_Code code = TF_OK;
  std::string message;
  for (const Setter& set : setters_) {
    set(description, status);
    if (code == TF_OK && !status.ok()) {
      code = status.code();
      message = status.message();
    }
  }
  TF_Operation* op = C().TF_FinishOperation(description, status);
  if (code != TF_OK) throw tf::Error(code, message, name);
  if (!status.ok()) throw tf::Error(status.code(), status.message(), type_ + " (" + name + ")");
  return op;
}

std::vector<TF_Output> OpBuilder::Outs() {
  TF_Operation* op = Finish();
  std::vector<TF_Output> outputs;
  const int count = C().TF_OperationNumOutputs(op);
  for (int i = 0; i < count; ++i) outputs.push_back({op, i});
  return outputs;
}

}  // namespace ke::graph
