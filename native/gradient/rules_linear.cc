// Matrix products.
#include "gradient/registry.h"
#include "tensorflow/dtype.h"

namespace ke::gradient {

namespace {

// The product of two operands, each transposed if its flag is set, computed by the kernel of the forward op.
class Product {
 public:
  explicit Product(RuleContext& c) : c_(c), batch_(c.type() != "MatMul") {
    transpose_a = c.AttrBool(FlagA());
    transpose_b = c.AttrBool(FlagB());
  }

  TF_Output operator()(TF_Output a, TF_Output b, bool flip_a, bool flip_b) const {
    graph::OpBuilder op = c_.ops().Op(c_.type());
    op.In(a).In(b).AttrBool(FlagA(), flip_a).AttrBool(FlagB(), flip_b);
    if (c_.type() == "BatchMatMulV3") op.AttrType("Tout", c_.OutputType(0));
    return op.Out();
  }

  bool transpose_a;
  bool transpose_b;

 private:
  const char* FlagA() const { return batch_ ? "adj_x" : "transpose_a"; }
  const char* FlagB() const { return batch_ ? "adj_y" : "transpose_b"; }

  RuleContext& c_;
  bool batch_;
};

void MatMul(RuleContext& c) {
  const bool batch = c.type() != "MatMul";
  const TF_DataType dtype = c.OutputType(0);
  if ((!tf::IsFloating(dtype) && !IsComplex(dtype)) || c.InputType(0) != dtype || c.InputType(1) != dtype) {
    c.Refuse("of mixed dtypes");
  }
  // The flags of MatMul transpose. Those of a batch product take the adjoint, which includes the conjugate.
  const auto operand = [&](int i) { return batch ? c.Input(i) : c.forward_ops().Conj(c.Input(i)); };
  const Product product(c);
  const bool ta = product.transpose_a;
  const bool tb = product.transpose_b;
  if (c.Needs(0)) {
    const TF_Output da = ta ? product(operand(1), c.Dy(), tb, true) : product(c.Dy(), operand(1), false, !tb);
    // All axes except the last two are broadcast.
    c.Set(0, batch ? c.Unbroadcast(da, 0, {0, 1}, 2) : da);
  }
  if (c.Needs(1)) {
    const TF_Output db = tb ? product(c.Dy(), operand(0), true, ta) : product(operand(0), c.Dy(), !ta, false);
    c.Set(1, batch ? c.Unbroadcast(db, 1, {0, 1}, 2) : db);
  }
}

// A product of two matrices of float32 or bfloat16 that may be sparse. The result is float32.
void SparseMatMul(RuleContext& c) {
  const Ops& t = c.ops();
  const bool ta = c.AttrBool("transpose_a");
  const bool tb = c.AttrBool("transpose_b");
  const auto product = [&](TF_Output a, TF_Output b, bool flip_a, bool flip_b) {
    return t.Op("MatMul").In(a).In(b).AttrBool("transpose_a", flip_a).AttrBool("transpose_b", flip_b).Out();
  };
  const auto operand = [&](int i) { return c.forward_ops().Cast(c.Input(i), TF_FLOAT); };
  if (c.Needs(0)) {
    const TF_Output da = ta ? product(operand(1), c.Dy(), tb, true) : product(c.Dy(), operand(1), false, !tb);
    c.Set(0, t.Cast(da, c.InputType(0)));
  }
  if (c.Needs(1)) {
    const TF_Output db = tb ? product(c.Dy(), operand(0), true, ta) : product(operand(0), c.Dy(), !ta, false);
    c.Set(1, t.Cast(db, c.InputType(1)));
  }
}

// The vector product of three-vectors.
void Cross(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, c.ops().Binary("Cross", c.X(1), c.Dy()));
  if (c.Needs(1)) c.Set(1, c.ops().Binary("Cross", c.Dy(), c.X(0)));
}

// The bias is added along the channels, so its gradient is the sum over all other axes.
void BiasAdd(RuleContext& c) {
  c.Set(0, c.Dy());
  if (c.Needs(1)) {
    c.Set(1,
          c.ops().Op("BiasAddGrad").In(c.Dy()).AttrString("data_format", c.AttrString("data_format")).Out());
  }
}

// BiasAddV1 adds along the last axis.
void BiasAddV1(RuleContext& c) {
  c.Set(0, c.Dy());
  if (c.Needs(1)) c.Set(1, c.ops().Op("BiasAddGrad").In(c.Dy()).Out());
}

}  // namespace

void AddLinearRules(Registry* registry) {
  registry->AddAll({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}, MatMul);
  registry->Add("SparseMatMul", SparseMatMul);
  registry->Add("Cross", Cross);
  registry->ForComplex({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"});
  registry->Add("BiasAdd", BiasAdd);
  registry->Add("BiasAddV1", BiasAddV1);
}

}  // namespace ke::gradient
