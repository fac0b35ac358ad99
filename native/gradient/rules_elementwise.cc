// Elementwise functions of one tensor. The factor of dy depends only on forward tensors, so the factor is
// computed in the forward graph: once for all units that are differentiated in a loop.
#include <cmath>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

void Times(RuleContext& c, TF_Output factor) { c.Set(0, c.ops().Mul(c.Dy(), factor)); }

void Neg(RuleContext& c) { c.Set(0, c.ops().Neg(c.Dy())); }
void Abs(RuleContext& c) { Times(c, c.forward_ops().Unary("Sign", c.Input(0))); }
void Square(RuleContext& c) { Times(c, c.forward_ops().Scale(c.Input(0), 2)); }
void Exp(RuleContext& c) { Times(c, c.Output(0)); }
void Expm1(RuleContext& c) { Times(c, c.forward_ops().Shift(c.Output(0), 1)); }
void Log(RuleContext& c) { c.Set(0, c.ops().Div(c.Dy(), c.X())); }
void Log1p(RuleContext& c) { c.Set(0, c.ops().Div(c.Dy(), c.forward_ops().Shift(c.Input(0), 1))); }
void Sin(RuleContext& c) { Times(c, c.forward_ops().Unary("Cos", c.Input(0))); }
void Cos(RuleContext& c) {
  const Ops& f = c.forward_ops();
  Times(c, f.Neg(f.Unary("Sin", c.Input(0))));
}

// 1 / (2 y)
void Sqrt(RuleContext& c) { c.Set(0, c.ops().Div(c.Dy(), c.forward_ops().Scale(c.Output(0), 2))); }

// -y^3 / 2
void Rsqrt(RuleContext& c) {
  const Ops& f = c.forward_ops();
  Times(c, f.Scale(f.Mul(c.Output(0), f.Square(c.Output(0))), -0.5));
}

// -y^2
void Reciprocal(RuleContext& c) {
  const Ops& f = c.forward_ops();
  Times(c, f.Neg(f.Square(c.Output(0))));
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
  registry->Add("Sqrt", Sqrt);
  registry->Add("Rsqrt", Rsqrt);
  registry->AddAll({"Reciprocal", "Inv"}, Reciprocal);
  registry->Add("Erf", Erf);
  registry->Add("Erfc", Erfc);
  registry->Add("ClipByValue", ClipByValue);
  registry->Add("AddN", AddN);
  registry->Add("L2Loss", L2Loss);
}

}  // namespace ke::gradient
