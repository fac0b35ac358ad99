// Complex numbers: their parts, their absolute value and their angle.
//
// The gradient of a real function by a complex tensor z = a + ib is d/da + i d/db, as in TensorFlow. The
// gradient of a holomorphic function is therefore dy times the conjugate of the derivative.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

void Real(RuleContext& c) { c.Set(0, c.ops().Cast(c.Dy(), c.InputType(0))); }

void Imag(RuleContext& c) { c.Set(0, c.ops().Complex(c.ops().ZerosLike(c.Dy()), c.Dy())); }

void Complex(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) c.Set(0, c.Unbroadcast(t.Real(c.Dy()), 0));
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(t.Imag(c.Dy()), 1));
}

void Conj(RuleContext& c) { c.Set(0, c.ops().Conj(c.Dy())); }

// z / |z|, and 0 at 0.
void ComplexAbs(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  const TF_Output direction = f.Binary("DivNoNan", c.Input(0), f.Cast(c.Output(0), dtype));
  c.Set(0, t.Mul(t.Cast(c.Dy(), dtype), direction));
}

// -1 / (Im z + i Re z)
void Angle(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output turned = f.Complex(f.Imag(c.Input(0)), f.Real(c.Input(0)));
  c.Set(0, t.Mul(t.Cast(c.Dy(), c.InputType(0)), f.Neg(f.Unary("Reciprocal", turned))));
}

void ConjugateTranspose(RuleContext& c) {
  const Ops& f = c.forward_ops();
  c.Set(0, c.ops().Binary("ConjugateTranspose", c.Dy(), f.Unary("InvertPermutation", c.Input(1))));
}

}  // namespace

void AddComplexRules(Registry* registry) {
  registry->Add("Real", Real);
  registry->Add("Imag", Imag);
  registry->Add("Complex", Complex);
  registry->Add("Conj", Conj);
  registry->Add("ComplexAbs", ComplexAbs);
  registry->Add("Angle", Angle);
  registry->Add("ConjugateTranspose", ConjugateTranspose);
  registry->ForComplex({"Real", "Imag", "Complex", "Conj", "ComplexAbs", "Angle", "ConjugateTranspose"});
}

}  // namespace ke::gradient
