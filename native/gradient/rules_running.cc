// Running products and running logarithms of sums along an axis. For running sums see rules_reduction.cc.
#include <cfloat>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

TF_Output Running(const Ops& ops, const char* type, TF_Output x, TF_Output axis, bool exclusive,
                  bool reverse) {
  return ops.Op(type).In(x).In(axis).AttrBool("exclusive", exclusive).AttrBool("reverse", reverse).Out();
}

// sum over the products that contain x of dy * product / x. TensorFlow's gradient is 0 where x is 0.
void Cumprod(RuleContext& c) {
  const Ops& t = c.ops();
  const bool exclusive = c.AttrBool("exclusive");
  const TF_Output sums =
      Running(t, "Cumsum", t.Mul(c.Y(), c.Dy()), c.X(1), exclusive, !c.AttrBool("reverse"));
  c.Set(0, t.Binary("DivNoNan", sums, c.X(0)));
}

double Lowest(TF_DataType dtype) {
  switch (dtype) {
    case TF_HALF:
      return -65504;
    case TF_DOUBLE:
      return -DBL_MAX;
    default:
      return -3.38e38;  // of bfloat16, a little above the lowest float32
  }
}

// sum over the later y of dy exp(x - y), in the logarithm for the positive and the negative dy apart.
void CumulativeLogsumexp(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_DataType dtype = c.InputType(0);
  const bool exclusive = c.AttrBool("exclusive");
  const bool reverse = !c.AttrBool("reverse");
  const auto part = [&](TF_Output dy) {
    const TF_Output positive = t.Binary("Greater", dy, t.Scalar(dtype, 0));
    const TF_Output logarithm = t.Select(positive, t.Unary("Log", dy), t.Scalar(dtype, Lowest(dtype)));
    const TF_Output sums =
        Running(t, "CumulativeLogsumexp", t.Sub(logarithm, c.Y()), c.X(1), exclusive, reverse);
    return t.Unary("Exp", t.Add(sums, c.X(0)));
  };
  c.Set(0, t.Sub(part(c.Dy()), part(t.Neg(c.Dy()))));
}

}  // namespace

void AddRunningRules(Registry* registry) {
  registry->Add("Cumprod", Cumprod);
  registry->Add("CumulativeLogsumexp", CumulativeLogsumexp);
}

}  // namespace ke::gradient
