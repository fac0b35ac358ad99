#include "gradient/rule.h"

#include <algorithm>

#include "ir/instance_name.h"
#include "ir/op_traits.h"
#include "tensorflow/read_graph.h"
#include "wire/proto.h"

namespace ke::gradient {

using graph::Scope;
using graph::Shape;
using tf::C;

namespace {

// The maximum number of consecutive Identities between a Const and the op that reads the Const. Every reader
// follows these Identities again. A value after more Identities counts as unknown.
constexpr int kMostHops = 100;

std::string Prefix(TF_Operation* op) {
  return std::string(graph::kGradientPrefix) + C().TF_OperationName(op) + "/";
}

// The axes over which the gradient of a broadcast operand is summed: the axes of the output that the operand
// lacks, and the axes of size 1. Nullopt if only the shapes at run time determine the axes.
struct BroadcastAxes {
  std::vector<int> missing;
  std::vector<int> ones;
};

struct Operand {
  Shape shape;
  bool same_batch;  // its first axis certainly has the size of the first axis of the differentiated operand
};

std::optional<BroadcastAxes> StaticBroadcastAxes(const Shape& own, const std::vector<Operand>& others,
                                                 int trailing) {
  if (!own.known_rank) return std::nullopt;
  int rank = own.rank();
  for (const Operand& other : others) {
    if (!other.shape.known_rank) return std::nullopt;
    rank = std::max(rank, other.shape.rank());
  }
  BroadcastAxes axes;
  for (int axis = 0; axis < rank - trailing; ++axis) {
    const int own_axis = axis - (rank - own.rank());
    if (own_axis < 0) {
      axes.missing.push_back(axis);
      continue;
    }
    const int64_t dim = own.dims[own_axis];
    if (dim >= 0 && dim != 1) continue;
    const bool not_broadcast = std::all_of(others.begin(), others.end(), [&](const Operand& other) {
      const int other_axis = axis - (rank - other.shape.rank());
      if (other_axis < 0 || other.shape.dims[other_axis] == 1) return true;
      return dim < 0 && axis == 0 && own_axis == 0 && other_axis == 0 && other.same_batch;
    });
    if (not_broadcast) continue;
    if (dim < 0) return std::nullopt;
    axes.ones.push_back(axis);
  }
  return axes;
}

}  // namespace

RuleContext::RuleContext(Scope* forward, Scope* target, TF_Operation* op,
                         std::vector<TF_Output> output_gradients, std::vector<bool> needed, Walk walk)
    : forward_(forward),
      target_(target),
      op_(op),
      output_gradients_(std::move(output_gradients)),
      needed_(std::move(needed)),
      input_gradients_(needed_.size(), TF_Output{nullptr, 0}),
      totals_(needed_.size(), false),
      walk_(std::move(walk)),
      ops_(target, Prefix(op)),
      forward_ops_(forward, Prefix(op)) {}

std::string RuleContext::type() const { return C().TF_OperationOpType(op_); }
std::string RuleContext::name() const { return C().TF_OperationName(op_); }
TF_Output RuleContext::Input(int i) const { return C().TF_OperationInput({op_, i}); }

int64_t RuleContext::AttrInt(const char* name) const {
  tf::Status status;
  int64_t value = 0;
  C().TF_OperationGetAttrInt(op_, name, &value, status);
  status.Check(this->name());
  return value;
}

float RuleContext::AttrFloat(const char* name) const {
  tf::Status status;
  float value = 0;
  C().TF_OperationGetAttrFloat(op_, name, &value, status);
  status.Check(this->name());
  return value;
}

bool RuleContext::AttrBool(const char* name) const {
  tf::Status status;
  unsigned char value = 0;
  C().TF_OperationGetAttrBool(op_, name, &value, status);
  status.Check(this->name());
  return value != 0;
}

TF_DataType RuleContext::AttrType(const char* name) const {
  tf::Status status;
  TF_DataType value = TF_FLOAT;
  C().TF_OperationGetAttrType(op_, name, &value, status);
  status.Check(this->name());
  return value;
}

std::string RuleContext::AttrString(const char* name) const {
  tf::Status status;
  const TF_AttrMetadata meta = C().TF_OperationGetAttrMetadata(op_, name, status);
  status.Check(this->name());
  std::string value(meta.total_size, '\0');
  C().TF_OperationGetAttrString(op_, name, value.data(), value.size(), status);
  status.Check(this->name());
  return value;
}

std::vector<int64_t> RuleContext::AttrInts(const char* name) const {
  tf::Status status;
  const TF_AttrMetadata meta = C().TF_OperationGetAttrMetadata(op_, name, status);
  status.Check(this->name());
  std::vector<int64_t> values(meta.list_size);
  if (values.empty()) return values;
  C().TF_OperationGetAttrIntList(op_, name, values.data(), static_cast<int>(values.size()), status);
  status.Check(this->name());
  return values;
}

tf::BufferPtr RuleContext::AttrBytes(const char* name) const {
  tf::BufferPtr bytes = tf::NewBuffer();
  tf::Status status;
  C().TF_OperationGetAttrValueProto(op_, name, bytes.get(), status);
  status.Check(this->name());
  return bytes;
}

std::string RuleContext::AttrFunction(const char* name) const {
  const tf::BufferPtr bytes = AttrBytes(name);
  const auto function = graph::proto::AttrFunction(tf::View(bytes.get()));
  return function ? std::string(function->name) : std::string();
}

std::vector<std::string> RuleContext::AttrFunctions(const char* name) const {
  const tf::BufferPtr bytes = AttrBytes(name);
  std::vector<std::string> names;
  for (const auto& function : graph::proto::AttrFunctions(tf::View(bytes.get()))) {
    names.emplace_back(function.name);
  }
  return names;
}

std::optional<std::vector<int64_t>> RuleContext::ConstInts(int i) const {
  TF_Operation* source = Input(i).oper;
  for (int hops = 0; hops < kMostHops && std::string_view(C().TF_OperationOpType(source)) == "Identity";
       ++hops) {
    source = C().TF_OperationInput({source, 0}).oper;
  }
  if (std::string_view(C().TF_OperationOpType(source)) != "Const") return std::nullopt;
  tf::Status status;
  TF_Tensor* value = nullptr;
  C().TF_OperationGetAttrTensor(source, "value", &value, status);
  status.Check(name());
  const tf::TensorPtr owned(value);
  const int64_t count = C().TF_TensorElementCount(value);
  const void* data = C().TF_TensorData(value);
  if (C().TF_TensorType(value) == TF_INT32) {
    const auto* ints = static_cast<const int32_t*>(data);
    return std::vector<int64_t>(ints, ints + count);
  }
  if (C().TF_TensorType(value) == TF_INT64) {
    const auto* ints = static_cast<const int64_t*>(data);
    return std::vector<int64_t>(ints, ints + count);
  }
  return std::nullopt;
}

std::optional<std::vector<int>> RuleContext::ConstAxes(int i, int rank) const {
  const auto values = ConstInts(i);
  if (!values || rank < 0) return std::nullopt;
  std::vector<int> axes;
  for (const int64_t value : *values) axes.push_back(static_cast<int>(value < 0 ? value + rank : value));
  return axes;
}

bool RuleContext::NeedsAny(int begin, int end) const {
  return std::find(needed_.begin() + begin, needed_.begin() + end, true) != needed_.begin() + end;
}

bool RuleContext::HasComplex() const {
  for (int i = 0; i < num_inputs(); ++i) {
    if (Needs(i) && IsComplex(InputType(i))) return true;
  }
  for (int i = 0; i < num_outputs(); ++i) {
    if (HasDy(i) && IsComplex(OutputType(i))) return true;
  }
  return false;
}

TF_Output RuleContext::Dy(int i) {
  if (!HasDy(i)) output_gradients_[i] = ops_.ZerosLike(Y(i));
  return output_gradients_[i];
}

TF_Output RuleContext::SoFar(int i) const {
  return walk_.so_far == nullptr ? TF_Output{nullptr, 0} : walk_.so_far(Input(i));
}

void RuleContext::SetTotal(int i, TF_Output total) {
  input_gradients_[i] = total;
  totals_[i] = true;
}

TF_Output RuleContext::ShapeOf(TF_Output tensor, TF_DataType dtype) {
  const Shape shape = forward_->GetShape(tensor);
  if (shape.IsFullyKnown()) return ops_.ConstShape(shape.dims, dtype);
  const bool only_batch = shape.rank() > 1 && std::count(shape.dims.begin() + 1, shape.dims.end(), -1) == 0;
  if (only_batch && dtype == TF_INT32 && walk_.batch != nullptr) {
    const std::vector<int64_t> rest(shape.dims.begin() + 1, shape.dims.end());
    return ops_.Concat({walk_.batch->Size(tensor), ops_.ConstShape(rest)}, 0);
  }
  return target_->Import(forward_ops_.ShapeOf(tensor, dtype));
}

TF_Output RuleContext::ShapeOfX(int i, TF_DataType dtype) { return ShapeOf(Input(i), dtype); }
TF_Output RuleContext::ShapeOfY(int i, TF_DataType dtype) { return ShapeOf(Output(i), dtype); }

TF_Output RuleContext::Unbroadcast(TF_Output gradient, int i, const std::vector<int>& operands,
                                   int trailing) {
  const Shape own = InputShape(i);
  std::vector<Operand> others;
  for (int k = 0; k < num_inputs(); ++k) {
    if (k == i) continue;
    if (!operands.empty() && std::find(operands.begin(), operands.end(), k) == operands.end()) continue;
    others.push_back({InputShape(k), walk_.batch != nullptr && walk_.batch->Same(Input(i), Input(k))});
  }
  if (const auto axes = StaticBroadcastAxes(own, others, trailing)) {
    if (axes->missing.empty() && axes->ones.empty()) return gradient;
    if (axes->ones.empty()) return ops_.Sum(gradient, axes->missing, false);
    if (axes->missing.empty()) return ops_.Sum(gradient, axes->ones, true);
    std::vector<int> both = axes->missing;
    both.insert(both.end(), axes->ones.begin(), axes->ones.end());
    const std::vector<int64_t> leading(axes->missing.begin(), axes->missing.end());
    return ops_.Op("Squeeze").In(ops_.Sum(gradient, both, true)).AttrInts("squeeze_dims", leading).Out();
  }
  // The axes of the sum are computed in the forward graph, because they depend only on shapes.
  TF_Output own_shape = forward_ops_.ShapeOf(Input(i));
  TF_Output out_shape = forward_ops_.ShapeOf(Output(0));
  if (trailing > 0) {
    own_shape = forward_ops_.SliceVector(own_shape, 0, -trailing);
    out_shape = forward_ops_.SliceVector(out_shape, 0, -trailing);
  }
  const TF_Output axes = forward_ops_.Binary("BroadcastGradientArgs", own_shape, out_shape);
  return ReshapeLikeX(ops_.Binary("Sum", gradient, axes), i);
}

TF_Output RuleContext::ReshapeLikeX(TF_Output gradient, int i) {
  const Shape shape = InputShape(i);
  // Reshape infers one unknown dimension (the batch), unless another dimension is 0, which would leave the
  // unknown one undetermined.
  if (shape.known_rank && std::count(shape.dims.begin(), shape.dims.end(), -1) == 1 &&
      std::count(shape.dims.begin(), shape.dims.end(), 0) == 0) {
    return ops_.Reshape(gradient, ops_.ConstShape(shape.dims));
  }
  return ops_.Reshape(gradient, ShapeOfX(i));
}

TF_Output RuleContext::BroadcastLikeX(TF_Output gradient, int i) {
  return ops_.Binary("BroadcastTo", gradient, ShapeOfX(i));
}

void RuleContext::Refuse(const std::string& reason) const {
  throw tf::Error(TF_UNIMPLEMENTED,
                  "No confirmed gradient for op " + type() + " (node " + name() + ")" +
                      (reason.empty() ? "" : ": " + reason),
                  name());
}

void RuleContext::RefuseRandomNumbers(const std::vector<TF_Output>& tensors) const {
  for (TF_Operation* op : tf::OpsBehind(tensors)) {
    if (!graph::HasTrait(C().TF_OperationOpType(op), graph::trait::kRandom)) continue;
    Refuse(std::string("op ") + C().TF_OperationOpType(op) + " ('" + C().TF_OperationName(op) +
           "') of its body draws random numbers");
  }
}

}  // namespace ke::gradient
