// Special functions of mathematics. The formulas are those of TensorFlow's Python gradients. A derivative
// that has no formula (by the order of Polygamma and Zeta, by the parameters of Betainc) is refused.
#include <cmath>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

using Derivative = TF_Output (*)(const Ops& f, TF_Output x, TF_Output y);

// A rule for a function of one tensor, from its derivative at x. `y` is the function's value.
template <Derivative derivative>
void Unary(RuleContext& c) {
  c.Set(0, c.ops().Mul(c.Dy(), derivative(c.forward_ops(), c.Input(0), c.Output(0))));
}

// Returns `limit` where x is 0, else `value`. The quotients in `value` are 0 / 0 at 0.
TF_Output AtZero(const Ops& f, TF_Output x, double limit, TF_Output value) {
  const TF_DataType dtype = graph::Scope::GetDType(x);
  const TF_Output zero = f.Binary("Equal", x, f.Scalar(dtype, 0));
  return f.Select(zero, f.Scalar(dtype, limit), value);
}

TF_Output Digamma(const Ops& f, TF_Output x, TF_Output) {
  return f.Binary("Polygamma", f.Unary("OnesLike", x), x);
}
TF_Output Dawsn(const Ops& f, TF_Output x, TF_Output y) { return f.Shift(f.Scale(f.Mul(x, y), -2), 1); }
TF_Output Expint(const Ops& f, TF_Output x, TF_Output) { return f.Div(f.Unary("Exp", x), x); }
TF_Output FresnelCos(const Ops& f, TF_Output x, TF_Output) {
  return f.Unary("Cos", f.Scale(f.Square(x), std::acos(-1.0) / 2));
}
TF_Output FresnelSin(const Ops& f, TF_Output x, TF_Output) {
  return f.Unary("Sin", f.Scale(f.Square(x), std::acos(-1.0) / 2));
}
TF_Output Spence(const Ops& f, TF_Output x, TF_Output) {
  const TF_DataType dtype = graph::Scope::GetDType(x);
  const TF_Output one = f.Scalar(dtype, 1);
  const TF_Output ratio = f.Div(f.Unary("Log", x), f.Sub(one, x));
  return f.Select(f.Binary("Equal", x, one), f.Scalar(dtype, -1), ratio);
}

TF_Output I0(const Ops& f, TF_Output x, TF_Output) { return f.Unary("BesselI1", x); }
TF_Output I0e(const Ops& f, TF_Output x, TF_Output y) {
  return f.Sub(f.Unary("BesselI1e", x), f.Mul(f.Unary("Sign", x), y));
}
// TensorFlow's Python gradient is 1 at 0. The derivative is 1 / 2.
TF_Output I1(const Ops& f, TF_Output x, TF_Output y) {
  return AtZero(f, x, 0.5, f.Sub(f.Unary("BesselI0", x), f.Div(y, x)));
}
TF_Output I1e(const Ops& f, TF_Output x, TF_Output y) {
  const TF_Output slope = f.Add(f.Unary("Sign", x), f.Unary("Reciprocal", x));
  return AtZero(f, x, 0.5, f.Sub(f.Unary("BesselI0e", x), f.Mul(y, slope)));
}
TF_Output K0(const Ops& f, TF_Output x, TF_Output) { return f.Neg(f.Unary("BesselK1", x)); }
TF_Output K0e(const Ops& f, TF_Output x, TF_Output y) { return f.Sub(y, f.Unary("BesselK1e", x)); }
TF_Output K1(const Ops& f, TF_Output x, TF_Output y) {
  return f.Neg(f.Add(f.Unary("BesselK0", x), f.Div(y, x)));
}
TF_Output K1e(const Ops& f, TF_Output x, TF_Output y) {
  const TF_Output slope = f.Shift(f.Neg(f.Unary("Reciprocal", x)), 1);
  return f.Sub(f.Mul(y, slope), f.Unary("BesselK0e", x));
}
TF_Output J0(const Ops& f, TF_Output x, TF_Output) { return f.Neg(f.Unary("BesselJ1", x)); }
TF_Output J1(const Ops& f, TF_Output x, TF_Output y) {
  return AtZero(f, x, 0.5, f.Sub(f.Unary("BesselJ0", x), f.Div(y, x)));
}
TF_Output Y0(const Ops& f, TF_Output x, TF_Output) { return f.Neg(f.Unary("BesselY1", x)); }
TF_Output Y1(const Ops& f, TF_Output x, TF_Output y) { return f.Sub(f.Unary("BesselY0", x), f.Div(y, x)); }

// Igamma(a, x), and Igammac = 1 - Igamma.
void Igamma(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output a = c.Input(0);
  const TF_Output x = c.Input(1);
  const bool complement = c.type() == "Igammac";
  const auto set = [&](int i, TF_Output factor) {
    c.Set(i, c.Unbroadcast(t.Mul(c.Dy(), complement ? f.Neg(factor) : factor), i));
  };
  if (c.Needs(0)) set(0, f.Binary("IgammaGradA", a, x));
  if (c.Needs(1)) {
    // In the logarithm, because the gamma function overflows.
    const TF_Output power = f.Mul(f.Shift(a, -1), f.Unary("Log", x));
    set(1, f.Unary("Exp", f.Sub(f.Sub(power, x), f.Unary("Lgamma", a))));
  }
}

void Betainc(RuleContext& c) {
  if (c.NeedsAny(0, 2)) c.Refuse("with respect to its parameters");
  const Ops& f = c.forward_ops();
  const TF_Output a = c.Input(0);
  const TF_Output b = c.Input(1);
  const TF_Output x = c.Input(2);
  const auto lgamma = [&](TF_Output z) { return f.Unary("Lgamma", z); };
  const TF_Output log_beta = f.Sub(f.Add(lgamma(a), lgamma(b)), lgamma(f.Add(a, b)));
  const TF_Output powers =
      f.Add(f.Binary("Xlog1py", f.Shift(b, -1), f.Neg(x)), f.Binary("Xlogy", f.Shift(a, -1), x));
  c.Set(2, c.Unbroadcast(c.ops().Mul(c.Dy(), f.Unary("Exp", f.Sub(powers, log_beta))), 2));
}

void Zeta(RuleContext& c) {
  if (c.Needs(0)) c.Refuse("with respect to its first input");
  const Ops& f = c.forward_ops();
  const TF_Output next = f.Binary("Zeta", f.Shift(c.Input(0), 1), c.Input(1));
  c.Set(1, c.Unbroadcast(c.ops().Mul(c.Dy(), f.Neg(f.Mul(c.Input(0), next))), 1));
}

void Polygamma(RuleContext& c) {
  if (c.Needs(0)) c.Refuse("with respect to its first input");
  const Ops& f = c.forward_ops();
  const TF_Output next = f.Binary("Polygamma", f.Shift(c.Input(0), 1), c.Input(1));
  c.Set(1, c.Unbroadcast(c.ops().Mul(c.Dy(), next), 1));
}

// The neighbour of x1 moves with x1.
void NextAfter(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.Dy(), 0));
}

}  // namespace

void AddSpecialRules(Registry* registry) {
  registry->Add("Digamma", Unary<Digamma>);
  registry->Add("Dawsn", Unary<Dawsn>);
  registry->Add("Expint", Unary<Expint>);
  registry->Add("FresnelCos", Unary<FresnelCos>);
  registry->Add("FresnelSin", Unary<FresnelSin>);
  registry->Add("Spence", Unary<Spence>);
  registry->Add("BesselI0", Unary<I0>);
  registry->Add("BesselI0e", Unary<I0e>);
  registry->Add("BesselI1", Unary<I1>);
  registry->Add("BesselI1e", Unary<I1e>);
  registry->Add("BesselK0", Unary<K0>);
  registry->Add("BesselK0e", Unary<K0e>);
  registry->Add("BesselK1", Unary<K1>);
  registry->Add("BesselK1e", Unary<K1e>);
  registry->Add("BesselJ0", Unary<J0>);
  registry->Add("BesselJ1", Unary<J1>);
  registry->Add("BesselY0", Unary<Y0>);
  registry->Add("BesselY1", Unary<Y1>);
  registry->AddAll({"Igamma", "Igammac"}, Igamma);
  registry->Add("Betainc", Betainc);
  registry->Add("Zeta", Zeta);
  registry->Add("Polygamma", Polygamma);
  registry->Add("NextAfter", NextAfter);
}

}  // namespace ke::gradient
