// Elementwise functions of one tensor. The factor of dy depends only on forward tensors, so the factor is
// computed in the forward graph: once for all units that are differentiated in a loop.
#include <cmath>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// `factor` is the derivative, a tensor of the forward graph. The gradient of a complex function uses the
// conjugate of the derivative.
void Times(RuleContext& c, TF_Output factor) { c.Set(0, c.ops().Mul(c.Dy(), c.forward_ops().Conj(factor))); }

void Neg(RuleContext& c) { c.Set(0, c.ops().Neg(c.Dy())); }
void Abs(RuleContext& c) { Times(c, c.forward_ops().Unary("Sign", c.Input(0))); }
void Square(RuleContext& c) { Times(c, c.forward_ops().Scale(c.Input(0), 2)); }
void Exp(RuleContext& c) { Times(c, c.Output(0)); }
// The output plus 1 would lose every digit of a small exp(x).
void Expm1(RuleContext& c) { Times(c, c.forward_ops().Unary("Exp", c.Input(0))); }
void Log(RuleContext& c) { c.Set(0, c.ops().Div(c.Dy(), c.forward_ops().Conj(c.Input(0)))); }
void Log1p(RuleContext& c) {
  const Ops& f = c.forward_ops();
  c.Set(0, c.ops().Div(c.Dy(), f.Conj(f.Shift(c.Input(0), 1))));
}
void Sin(RuleContext& c) { Times(c, c.forward_ops().Unary("Cos", c.Input(0))); }
void Cos(RuleContext& c) {
  const Ops& f = c.forward_ops();
  Times(c, f.Neg(f.Unary("Sin", c.Input(0))));
}

// TensorFlow's kernels of these gradients read the output, conjugate it, and give 0 where dy is 0: a unit on
// which nothing depends has no gradient, also at a pole.
void OutputKernel(RuleContext& c) { c.Set(0, c.ops().Binary(c.type() + "Grad", c.Y(), c.Dy())); }

// The derivatives of these kernels by the output y and by dy: dy / (2 y), -y^3 dy / 2 and -y^2 dy.
void SqrtGrad(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output ratio = t.Div(c.Dy(), c.X(0));
  if (c.Needs(0)) c.Set(0, t.Neg(t.Mul(ratio, c.Y())));
  if (c.Needs(1)) c.Set(1, t.Scale(ratio, 0.5));
}

void RsqrtGrad(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) c.Set(0, t.Mul(c.Dy(), f.Scale(f.Mul(c.Input(1), f.Square(c.Input(0))), -1.5)));
  if (c.Needs(1)) c.Set(1, t.Binary("RsqrtGrad", c.X(0), c.Dy()));
}

void ReciprocalGrad(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) c.Set(0, t.Mul(c.Dy(), f.Scale(f.Mul(c.Input(1), c.Input(0)), -2)));
  if (c.Needs(1)) c.Set(1, t.Binary("ReciprocalGrad", c.X(0), c.Dy()));
}

// 2 / sqrt(pi) * exp(-x^2), and its negative for Erfc.
TF_Output ErfFactor(RuleContext& c, double sign) {
  const Ops& f = c.forward_ops();
  return f.Scale(f.Unary("Exp", f.Neg(f.Square(c.Input(0)))), sign * 2 / std::sqrt(std::acos(-1.0)));
}
void Erf(RuleContext& c) { Times(c, ErfFactor(c, 1)); }
void Erfc(RuleContext& c) { Times(c, ErfFactor(c, -1)); }

// The bound receives the gradient of clipped elements.
void ClipByValue(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output below = f.Binary("Less", c.Input(0), c.Input(1));
  const TF_Output above = f.Binary("Greater", c.Input(0), c.Input(2));
  if (c.Needs(0)) {
    c.Set(0, t.Masked(f.Unary("LogicalNot", f.Binary("LogicalOr", below, above)), c.Dy()));
  }
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(t.Masked(below, c.Dy()), 1));
  if (c.Needs(2)) c.Set(2, c.Unbroadcast(t.Masked(above, c.Dy()), 2));
}

void AddN(RuleContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i) c.Set(i, c.Dy());
}

void L2Loss(RuleContext& c) { c.Set(0, c.ops().Mul(c.X(), c.Dy())); }

}  // namespace

void AddElementwiseRules(Registry* registry) {
  registry->Add("Neg", Neg);
  registry->Add("Abs", Abs);
  registry->Add("Square", Square);
  registry->Add("Exp", Exp);
  registry->Add("Expm1", Expm1);
  registry->Add("Log", Log);
  registry->Add("Log1p", Log1p);
  registry->Add("Sin", Sin);
  registry->Add("Cos", Cos);
  registry->AddAll({"Sqrt", "Rsqrt", "Reciprocal", "Inv"}, OutputKernel);
  registry->Add("SqrtGrad", SqrtGrad);
  registry->Add("RsqrtGrad", RsqrtGrad);
  registry->AddAll({"ReciprocalGrad", "InvGrad"}, ReciprocalGrad);
  registry->Add("Erf", Erf);
  registry->Add("Erfc", Erfc);
  registry->Add("ClipByValue", ClipByValue);
  registry->AddAll({"AddN", "AccumulateNV2"}, AddN);
  registry->Add("L2Loss", L2Loss);
  registry->ForComplex({"Neg", "Square", "Exp", "Expm1", "Log", "Log1p", "Sin", "Cos", "Sqrt", "Rsqrt",
                        "Reciprocal", "Inv", "AddN", "AccumulateNV2"});
}

}  // namespace ke::gradient
