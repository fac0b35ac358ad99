// Activation functions, their overrides, and the gradient kernels of activation functions (for second
// derivatives).
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Written in terms of the OUTPUT if the derivative allows that. The forward pass can then fuse convolution,
// bias and activation, and free the input.
TF_Output ReluLike(RuleContext& c, TF_Output dy) {
  const std::string type = c.type();
  graph::OpBuilder op = c.ops().Op(type + "Grad");
  op.In(dy);
  if (type == "LeakyRelu") {
    const float alpha = c.AttrFloat("alpha");
    // The output has the input's sign only if alpha is positive.
    op.In(alpha > 0 ? c.Y() : c.X()).AttrFloat("alpha", alpha);
  } else {
    op.In(c.Y());
  }
  return op.Out();
}

void Relu(RuleContext& c) { c.Set(0, ReluLike(c, c.Dy())); }

// Guided backpropagation (Springenberg et al., 2014): passes only positive gradients, and only where the
// input was positive. For Relu this is dy * (dy > 0) * (x > 0). The other activations keep their own slope
// where the input was positive (1, or Selu's scale).
void Guided(RuleContext& c) {
  const Ops& t = c.ops();
  TF_Output positive = t.Unary("Relu", c.Dy());
  if (c.type() == "Relu6") {
    c.Set(0, ReluLike(c, positive));
    return;
  }
  if (c.type() == "Selu") positive = ReluLike(c, positive);
  const bool sign_in_output = c.type() != "LeakyRelu" || c.AttrFloat("alpha") > 0;
  c.Set(0, t.Op("ReluGrad").In(positive).In(sign_in_output ? c.Y() : c.X()).Out());
}

// Deconvolution (Zeiler and Fergus, 2014): applies the activation itself to the gradient, dy * (dy > 0), for
// any input.
void Deconvolution(RuleContext& c) { c.Set(0, c.ops().Unary("Relu", c.Dy())); }

void Sigmoid(RuleContext& c) { c.Set(0, c.ops().Binary("SigmoidGrad", c.Y(), c.Dy())); }
void Tanh(RuleContext& c) { c.Set(0, c.ops().Binary("TanhGrad", c.Y(), c.Dy())); }
void Softplus(RuleContext& c) { c.Set(0, c.ops().Binary("SoftplusGrad", c.Dy(), c.X())); }
void Softsign(RuleContext& c) { c.Set(0, c.ops().Binary("SoftsignGrad", c.Dy(), c.X())); }

// (dy - sum(dy * y)) * y over the last axis
void Softmax(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output sum = t.Sum(t.Mul(c.Dy(), c.Y()), {-1}, true);
  c.Set(0, t.Mul(t.Sub(c.Dy(), sum), c.Y()));
}

// dy - sum(dy) * softmax(x) over the last axis
void LogSoftmax(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output softmax = c.forward_ops().Unary("Exp", c.Output(0));
  c.Set(0, t.Sub(c.Dy(), t.Mul(t.Sum(c.Dy(), {-1}, true), softmax)));
}

// The derivatives of the gradient kernels above. The kernels of piecewise linear activations are linear in dy
// and constant in x.
void ReluGrad(RuleContext& c) {
  if (!c.Needs(0)) return;
  graph::OpBuilder op = c.ops().Op(c.type());
  op.In(c.Dy()).In(c.X(1));
  if (c.type() == "LeakyReluGrad") op.AttrFloat("alpha", c.AttrFloat("alpha"));
  c.Set(0, op.Out());
}

// EluGrad(dy, y) = dy where y >= 0, else dy (y + 1); SeluGrad likewise with its scales.
void EluGrad(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) c.Set(0, t.Binary(c.type(), c.Dy(), c.X(1)));
  if (c.Needs(1)) {
    const TF_Output zero = c.forward_ops().Scalar(c.InputType(1), 0);
    const TF_Output negative = c.forward_ops().Binary("Less", c.Input(1), zero);
    c.Set(1, t.Masked(negative, t.Mul(c.Dy(), c.X(0))));
  }
}

// SigmoidGrad(y, dy) = dy y (1 - y)
void SigmoidGrad(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) {
    const Ops& f = c.forward_ops();
    c.Set(0, t.Mul(c.Dy(), f.Mul(c.Input(1), f.Shift(f.Scale(c.Input(0), -2), 1))));
  }
  if (c.Needs(1)) c.Set(1, t.Binary("SigmoidGrad", c.X(0), c.Dy()));
}

// TanhGrad(y, dy) = dy (1 - y^2)
void TanhGrad(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) {
    const Ops& f = c.forward_ops();
    c.Set(0, t.Mul(c.Dy(), f.Scale(f.Mul(c.Input(0), c.Input(1)), -2)));
  }
  if (c.Needs(1)) c.Set(1, t.Binary("TanhGrad", c.X(0), c.Dy()));
}

// SoftplusGrad(dy, x) = dy sigmoid(x)
void SoftplusGrad(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) c.Set(0, t.Binary("SoftplusGrad", c.Dy(), c.X(1)));
  if (c.Needs(1)) {
    const TF_Output sigmoid = c.forward_ops().Unary("Sigmoid", c.Input(1));
    c.Set(1, t.Binary("SigmoidGrad", sigmoid, t.Mul(c.Dy(), c.X(0))));
  }
}

}  // namespace

void AddActivationRules(Registry* registry) {
  for (const char* type : {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu"}) {
    registry->Add(type, Relu);
    registry->AddOverride(type, "guided", Guided);
    registry->AddOverride(type, "deconvolution", Deconvolution);
  }
  registry->Add("Sigmoid", Sigmoid);
  registry->Add("Tanh", Tanh);
  registry->Add("Softplus", Softplus);
  registry->Add("Softsign", Softsign);
  registry->Add("Softmax", Softmax);
  registry->Add("LogSoftmax", LogSoftmax);
  registry->AddAll({"ReluGrad", "Relu6Grad", "LeakyReluGrad"}, ReluGrad);
  registry->AddAll({"EluGrad", "SeluGrad"}, EluGrad);
  registry->Add("SigmoidGrad", SigmoidGrad);
  registry->Add("TanhGrad", TanhGrad);
  registry->Add("SoftplusGrad", SoftplusGrad);
}

}  // namespace ke::gradient
