// Simulated quantisation. The value is a step function, and the gradient is TensorFlow's straight-through
// estimator: dy within the range, 0 outside.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

graph::OpBuilder& SetBits(const RuleContext& c, graph::OpBuilder& op) {
  return op.AttrInt("num_bits", c.AttrInt("num_bits")).AttrBool("narrow_range", c.AttrBool("narrow_range"));
}

void FakeQuantArgs(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op("FakeQuantWithMinMaxArgsGradient");
  op.In(c.Dy()).In(c.X()).AttrFloat("min", c.AttrFloat("min")).AttrFloat("max", c.AttrFloat("max"));
  c.Set(0, SetBits(c, op).Out());
}

// Inputs (x, min, max), with one range for all or one per channel.
void FakeQuantVars(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op(c.type() + "Gradient");
  op.In(c.Dy()).In(c.X(0)).In(c.X(1)).In(c.X(2));
  const std::vector<TF_Output> gradients = SetBits(c, op).Outs();
  for (int i = 0; i < 3; ++i) c.Set(i, gradients[i]);
}

// TensorFlow passes dy on, also outside of the range, and gives the range no gradient.
void QuantizeAndDequantize(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, c.Dy());
}

// Inputs (x, min, max): the gradient is 0 outside of the range.
void QuantizeAndDequantizeV4(RuleContext& c) {
  const std::vector<TF_Output> gradients = c.ops()
                                               .Op("QuantizeAndDequantizeV4Grad")
                                               .In(c.Dy())
                                               .In(c.X(0))
                                               .In(c.X(1))
                                               .In(c.X(2))
                                               .AttrInt("axis", c.AttrInt("axis"))
                                               .Outs();
  for (int i = 0; i < 3; ++i) c.Set(i, gradients[i]);
}

}  // namespace

void AddQuantizationRules(Registry* registry) {
  registry->Add("FakeQuantWithMinMaxArgs", FakeQuantArgs);
  registry->AddAll({"FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel"}, FakeQuantVars);
  registry->AddAll({"QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3"}, QuantizeAndDequantize);
  registry->Add("QuantizeAndDequantizeV4", QuantizeAndDequantizeV4);
}

}  // namespace ke::gradient
