// Elementwise functions of two tensors that are broadcast together. Each rule computes the gradient in the
// output's shape and sums the gradient down to the operand's shape.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Sets the gradient of operand i to dy * factor. `factor` is the derivative, a tensor of the forward graph.
// The gradient of a complex function uses the conjugate of the derivative.
void Times(RuleContext& c, int i, TF_Output factor) {
  c.Set(i, c.Unbroadcast(c.ops().Mul(c.Dy(), c.forward_ops().Conj(factor)), i));
}

void Add(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.Dy(), 0));
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(c.Dy(), 1));
}

void Sub(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.Dy(), 0));
  // Negated after the sum, because the operand is often the smaller tensor.
  if (c.Needs(1)) c.Set(1, c.ops().Neg(c.Unbroadcast(c.Dy(), 1)));
}

void Mul(RuleContext& c) {
  if (c.Needs(0)) Times(c, 0, c.Input(1));
  if (c.Needs(1)) Times(c, 1, c.Input(0));
}

void Div(RuleContext& c) {
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.ops().Div(c.Dy(), f.Conj(c.Input(1))), 0));
  if (c.Needs(1)) Times(c, 1, f.Neg(f.Div(c.Output(0), c.Input(1))));
}

// The quotient is 0, and therefore constant, where the divisor is 0.
void DivNoNan(RuleContext& c) {
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.ops().Binary("DivNoNan", c.Dy(), f.Conj(c.Input(1))), 0));
  if (c.Needs(1)) Times(c, 1, f.Neg(f.Binary("DivNoNan", c.Output(0), c.Input(1))));
}

// x * y, and 0 where y is 0, for any x.
void MulNoNan(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(t.Binary("MulNoNan", c.Dy(), c.X(1)), 0));
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(t.Binary("MulNoNan", c.X(0), c.Dy()), 1));
}

// x - floor(x / y) * y
void FloorMod(RuleContext& c) {
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(c.Dy(), 0));
  if (c.Needs(1)) Times(c, 1, f.Neg(f.Unary("Floor", f.Div(c.Input(0), c.Input(1)))));
}

void SquaredDifference(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_Output twice = f.Scale(f.Sub(c.Input(0), c.Input(1)), 2);
  if (c.Needs(0)) Times(c, 0, twice);
  if (c.Needs(1)) Times(c, 1, f.Neg(twice));
}

// The first operand receives the gradient of ties, and the second operand the gradient of NaN.
void Extremum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const char* first = c.type() == "Maximum" ? "GreaterEqual" : "LessEqual";
  const TF_Output mask = f.Binary(first, c.Input(0), c.Input(1));
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(t.Masked(mask, c.Dy()), 0));
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(t.Masked(f.Unary("LogicalNot", mask), c.Dy()), 1));
}

// Derivatives: y * x^(y - 1), which is 0 for y = 0 even at x = 0; and log(x) * x^y, replaced by 0 where x <=
// 0 because there is no real derivative.
void Pow(RuleContext& c) {
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) {
    Times(c, 0, f.Binary("MulNoNan", f.Binary("Pow", c.Input(0), f.Shift(c.Input(1), -1)), c.Input(1)));
  }
  if (c.Needs(1)) {
    const TF_DataType dtype = c.InputType(0);
    const char* has_log = IsComplex(dtype) ? "NotEqual" : "Greater";
    const TF_Output mask = f.Binary(has_log, c.Input(0), f.Scalar(dtype, 0));
    const TF_Output base = f.Select(mask, c.Input(0), f.Scalar(dtype, 1));
    Times(c, 1, f.Mul(c.Output(0), f.Unary("Log", base)));
  }
}

// x log y, x log(1 + y) and x / y, each 0 where x is 0.
void Xlogy(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  if (c.Needs(0)) {
    const TF_Output one = f.Cast(f.Binary("NotEqual", c.Input(0), f.Scalar(dtype, 0)), dtype);
    Times(c, 0, f.Binary(c.type(), one, c.Input(1)));
  }
  if (c.Needs(1)) {
    const TF_Output divisor = c.type() == "Xlogy" ? c.Input(1) : f.Shift(c.Input(1), 1);
    Times(c, 1, f.Binary("Xdivy", c.Input(0), divisor));
  }
}

void Xdivy(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  if (c.Needs(0)) {
    const TF_Output one = f.Cast(f.Binary("NotEqual", c.Input(0), f.Scalar(dtype, 0)), dtype);
    Times(c, 0, f.Binary("Xdivy", one, c.Input(1)));
  }
  if (c.Needs(1)) Times(c, 1, f.Neg(f.Binary("Xdivy", c.Output(0), c.Input(1))));
}

// Derivatives of Atan2(a, b): b / (a^2 + b^2) and -a / (a^2 + b^2).
void Atan2(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_Output norm = f.Add(f.Square(c.Input(0)), f.Square(c.Input(1)));
  if (c.Needs(0)) Times(c, 0, f.Div(c.Input(1), norm));
  if (c.Needs(1)) Times(c, 1, f.Neg(f.Div(c.Input(0), norm)));
}

}  // namespace

void AddBinaryRules(Registry* registry) {
  registry->AddAll({"Add", "AddV2"}, Add);
  registry->Add("Sub", Sub);
  registry->Add("Mul", Mul);
  registry->AddAll({"RealDiv", "Div"}, Div);
  registry->Add("DivNoNan", DivNoNan);
  registry->Add("MulNoNan", MulNoNan);
  registry->Add("FloorMod", FloorMod);
  registry->Add("SquaredDifference", SquaredDifference);
  registry->AddAll({"Maximum", "Minimum"}, Extremum);
  registry->Add("Pow", Pow);
  registry->AddAll({"Xlogy", "Xlog1py"}, Xlogy);
  registry->Add("Xdivy", Xdivy);
  registry->Add("Atan2", Atan2);
  registry->ForComplex({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "DivNoNan", "Pow"});
}

}  // namespace ke::gradient
