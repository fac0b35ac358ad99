// Losses that are one op. The second output of each is the derivative of the loss.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Inputs (features, labels), outputs (loss per row, softmax(features) - labels).
void CrossEntropy(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (c.Needs(0)) {
    TF_Output gradient = t.Mul(t.ExpandDims(c.Dy(0), -1), c.Y(1));
    if (c.HasDy(1)) {
      const TF_Output softmax = f.Unary("Softmax", c.Input(0));
      const TF_Output sum = t.Sum(t.Mul(c.Dy(1), softmax), {-1}, true);
      gradient = t.Add(gradient, t.Mul(t.Sub(c.Dy(1), sum), softmax));
    }
    c.Set(0, gradient);
  }
  // The labels of the sparse op are integers.
  if (!c.Needs(1)) return;
  const TF_Output logarithms = f.Neg(f.Unary("LogSoftmax", c.Input(0)));
  const TF_Output gradient = t.Mul(t.ExpandDims(c.Dy(0), -1), logarithms);
  c.Set(1, c.HasDy(1) ? t.Sub(gradient, c.Dy(1)) : gradient);
}

// Inputs (inputs (time, batch, classes), label indices, label values, lengths), outputs (loss (batch),
// derivative).
void Ctc(RuleContext& c) {
  if (c.HasDy(1)) c.Refuse("of its second output");
  c.Set(0, c.ops().Mul(c.ops().ExpandDims(c.Dy(0), -1), c.Y(1)));
}

}  // namespace

void AddLossRules(Registry* registry) {
  registry->AddAll({"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}, CrossEntropy);
  registry->Add("CTCLoss", Ctc);
}

}  // namespace ke::gradient
