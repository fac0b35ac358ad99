#include "gradient/batch_axis.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gradient/rule.h"
#include "ir/op_traits.h"

namespace ke::gradient {

using graph::Shape;
using tf::C;
namespace trait = graph::trait;

namespace {

constexpr TF_Output kNone = {nullptr, 0};
constexpr std::string_view kBatchMatMul = "BatchMatMul";  // and its later versions

// Returns whether the inputs of the op are broadcast together.
bool Broadcasts(std::string_view type) {
  return graph::HasAnyTrait(type, {trait::kBinary, trait::kSelects}) || type.starts_with(kBatchMatMul);
}

int64_t ProductOfRest(const Shape& shape) {
  int64_t product = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    if (shape.dims[axis] < 0) return -1;
    product *= shape.dims[axis];
  }
  return product;
}

bool OpenBatch(const Shape& shape) { return shape.rank() > 0 && shape.dims[0] < 0; }

// Returns whether input 0 keeps its first axis, for ops whose attributes or constants determine the answer.
bool KeepsByArguments(const RuleContext& c, const std::string& type) {
  const Shape in = c.InputShape(0);
  if (type == "MatMul") return !c.AttrBool("transpose_a");
  if (graph::HasTrait(type, trait::kReduction)) {
    const auto axes = c.ConstAxes(1, in.rank());
    return axes && std::find(axes->begin(), axes->end(), 0) == axes->end();
  }
  if (type == "Reshape") {
    const Shape out = c.OutputShape(0);
    const int64_t rest = OpenBatch(in) ? ProductOfRest(in) : -1;
    return rest > 0 && OpenBatch(out) && ProductOfRest(out) == rest;
  }
  if (type == "Transpose") {
    const auto order = c.ConstAxes(1, in.rank());
    return order && !order->empty() && (*order)[0] == 0;
  }
  if (type == "ExpandDims") {
    const auto axes = c.ConstAxes(1, in.rank() + 1);
    return in.known_rank && axes && (*axes)[0] != 0;
  }
  if (type == "Squeeze") {
    const std::vector<int64_t> axes = c.AttrInts("squeeze_dims");
    return in.known_rank && !axes.empty() && std::none_of(axes.begin(), axes.end(), [&](int64_t axis) {
             return axis == 0 || axis == -in.rank();
           });
  }
  if (type == "Pad" || type == "PadV2" || type == "MirrorPad") {
    const auto paddings = c.ConstInts(1);
    return paddings && paddings->size() >= 2 && (*paddings)[0] == 0 && (*paddings)[1] == 0;
  }
  if (type == "ConcatV2") {
    const auto axes = c.ConstAxes(c.num_inputs() - 1, in.rank());
    return axes && (*axes)[0] != 0;
  }
  if (type == "StridedSlice") {
    const auto strides = c.ConstInts(3);
    const auto first = [&](const char* mask) { return (c.AttrInt(mask) & 1) != 0; };
    return strides && !strides->empty() && (*strides)[0] == 1 && first("begin_mask") && first("end_mask") &&
           !first("new_axis_mask") && !first("shrink_axis_mask");
  }
  return false;
}

}  // namespace

TF_Output BatchAxis::Origin(TF_Output tensor) const {
  const auto known = origins_.find(KeyOf(tensor));
  return known == origins_.end() ? tensor : known->second;
}

void BatchAxis::Visit(TF_Operation* op) {
  const int inputs = C().TF_OperationNumInputs(op);
  if (inputs == 0 || !OpenBatch(forward_->GetShape({op, 0}))) return;
  const RuleContext c(forward_, forward_, op, {}, std::vector<bool>(inputs, false));
  const std::string type = c.type();
  if (type == "IdentityN") {
    for (int i = 0; i < inputs; ++i) origins_[{op, i}] = Origin(c.Input(i));
    return;
  }
  TF_Output origin = kNone;
  if (Broadcasts(type)) {
    const int rank = c.OutputShape(0).rank();
    // The first axis of a matrix without batch axes is not a batch axis.
    if (rank < 3 && type.starts_with(kBatchMatMul)) return;
    for (int i = 0; i < inputs; ++i) {
      const Shape shape = c.InputShape(i);
      if (!shape.known_rank) return;
      // A Select's condition of rank 1 has one element per row.
      if (shape.rank() < rank || shape.dims[0] == 1) continue;
      const TF_Output own = Origin(c.Input(i));
      if (origin.oper != nullptr && (origin.oper != own.oper || origin.index != own.index)) return;
      origin = own;
    }
  } else if (graph::HasTrait(type, trait::kKeepsFirstAxis) || KeepsByArguments(c, type)) {
    origin = Origin(c.Input(0));
  }
  if (origin.oper != nullptr) origins_[{op, 0}] = origin;
}

bool BatchAxis::Same(TF_Output a, TF_Output b) const { return KeyOf(Origin(a)) == KeyOf(Origin(b)); }

TF_Output BatchAxis::Size(TF_Output tensor) {
  const TF_Output origin = Origin(tensor);
  const auto known = sizes_.find(KeyOf(origin));
  if (known != sizes_.end()) return known->second;
  const Ops ops(forward_, std::string("gradient/") + C().TF_OperationName(origin.oper) + "/");
  return sizes_[KeyOf(origin)] = ops.SliceVector(ops.ShapeOf(origin), 0, 1);
}

}  // namespace ke::gradient
