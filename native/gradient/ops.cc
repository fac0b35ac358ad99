#include "gradient/ops.h"

namespace ke::gradient {

using graph::Scope;

TF_Output Ops::Scalar(TF_DataType dtype, double value) const {
  if (!IsComplex(dtype)) return scope_->Scalar(dtype, value);
  return Cast(scope_->Scalar(RealOf(dtype), value), dtype);
}

TF_Output Ops::Conj(TF_Output x) const { return IsComplex(Scope::GetDType(x)) ? Unary("Conj", x) : x; }

TF_Output Ops::Complex(TF_Output real, TF_Output imaginary) const {
  const bool wide = Scope::GetDType(real) == TF_DOUBLE;
  return Op("Complex").In(real).In(imaginary).AttrType("Tout", wide ? TF_COMPLEX128 : TF_COMPLEX64).Out();
}

TF_Output Ops::Real(TF_Output x) const {
  return Op("Real").In(x).AttrType("Tout", RealOf(Scope::GetDType(x))).Out();
}

TF_Output Ops::Imag(TF_Output x) const {
  return Op("Imag").In(x).AttrType("Tout", RealOf(Scope::GetDType(x))).Out();
}

TF_Output Ops::Scale(TF_Output x, double factor) const { return Mul(x, Scalar(Scope::GetDType(x), factor)); }

TF_Output Ops::Shift(TF_Output x, double term) const { return Add(x, Scalar(Scope::GetDType(x), term)); }

TF_Output Ops::Masked(TF_Output mask, TF_Output value) const {
  return Select(mask, value, Scalar(Scope::GetDType(value), 0));
}

TF_Output Ops::Cast(TF_Output x, TF_DataType dtype) const {
  if (Scope::GetDType(x) == dtype) return x;
  return Op("Cast").In(x).AttrType("DstT", dtype).Out();
}

namespace {

TF_Output Reduce(const Ops& ops, const char* type, TF_Output x, const std::vector<int>& axes,
                 bool keep_dims) {
  return ops.Op(type)
      .In(x)
      .In(ops.Ints(std::vector<int32_t>(axes.begin(), axes.end())))
      .AttrBool("keep_dims", keep_dims)
      .Out();
}

}  // namespace

TF_Output Ops::Sum(TF_Output x, const std::vector<int>& axes, bool keep_dims) const {
  return Reduce(*this, "Sum", x, axes, keep_dims);
}

TF_Output Ops::Mean(TF_Output x, const std::vector<int>& axes, bool keep_dims) const {
  return Reduce(*this, "Mean", x, axes, keep_dims);
}

TF_Output Ops::Transpose(TF_Output x, const std::vector<int32_t>& order) const {
  return Binary("Transpose", x, Ints(order));
}

TF_Output Ops::MatMul(TF_Output a, TF_Output b, bool adjoint_a, bool adjoint_b) const {
  return Op("BatchMatMulV2").In(a).In(b).AttrBool("adj_x", adjoint_a).AttrBool("adj_y", adjoint_b).Out();
}

TF_Output Ops::Adjoint(TF_Output x) const {
  return Conj(Op("Einsum").InList({x}).AttrString("equation", "...ab->...ba").Out());
}

TF_Output Ops::Concat(const std::vector<TF_Output>& values, int axis) const {
  if (values.size() == 1) return values[0];
  return Op("ConcatV2").InList(values).In(Int(axis)).Out();
}

TF_Output Ops::Stack(const std::vector<TF_Output>& values, int axis) const {
  return Op("Pack").InList(values).AttrInt("axis", axis).Out();
}

TF_Output Ops::SliceVector(TF_Output vector, int begin, int end) const {
  return Op("StridedSlice")
      .In(vector)
      .In(Ints({begin}))
      .In(Ints({end}))
      .In(Ints({1}))
      .AttrInt("end_mask", end == 0 ? 1 : 0)
      .Out();
}

TF_Output Ops::Product(TF_Output vector) const { return Op("Prod").In(vector).In(Ints({0})).Out(); }

TF_Output Ops::ShapeOf(TF_Output x, TF_DataType dtype) const {
  const TF_Output here = scope_->Import(x);
  const graph::Shape shape = scope_->GetShape(here);
  if (shape.IsFullyKnown()) return ConstShape(shape.dims, dtype);
  // The PlaceholderWithDefault keeps the construction of deep models linear. When an op is added whose output
  // shape depends on this value, TensorFlow's shape inference tries to evaluate the value and walks over the
  // whole graph before the op: quadratic time in a deep model. Shape inference stops at a
  // PlaceholderWithDefault, which is an Identity at run time.
  return Op("PlaceholderWithDefault")
      .In(Op("Shape").In(here).AttrType("out_type", dtype).Out())
      .AttrShape("shape", graph::Shape::Of({shape.rank()}))
      .Out();
}

TF_Output Ops::ConstShape(const std::vector<int64_t>& dims, TF_DataType dtype) const {
  if (dtype == TF_INT64) {
    return scope_->Const(tf::MakeTensor(TF_INT64, {static_cast<int64_t>(dims.size())}, dims.data()).get());
  }
  return Ints(std::vector<int32_t>(dims.begin(), dims.end()));
}

}  // namespace ke::gradient
