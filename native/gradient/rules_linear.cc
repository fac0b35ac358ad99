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
  if (!tf::IsFloating(c.OutputType(0)) || c.InputType(0) != c.OutputType(0) ||
      c.InputType(1) != c.OutputType(0)) {
    c.Refuse("of mixed or complex dtypes");
  }
  const Product product(c);
  const bool ta = product.transpose_a;
  const bool tb = product.transpose_b;
  if (c.Needs(0)) {
    const TF_Output da = ta ? product(c.X(1), c.Dy(), tb, true) : product(c.Dy(), c.X(1), false, !tb);
    // All axes except the last two are broadcast.
    c.Set(0, batch ? c.Unbroadcast(da, 0, {0, 1}, 2) : da);
  }
  if (c.Needs(1)) {
    const TF_Output db = tb ? product(c.Dy(), c.X(0), true, ta) : product(c.X(0), c.Dy(), !ta, false);
    c.Set(1, batch ? c.Unbroadcast(db, 1, {0, 1}, 2) : db);
  }
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
  registry->Add("BiasAdd", BiasAdd);
  registry->Add("BiasAddV1", BiasAddV1);
}

}  // namespace ke::gradient
