// Elementwise choice between two tensors.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// The condition has the shape of the operands, is a vector along their first axis, or is a scalar.
void Select(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output zeros = t.ZerosLike(c.Dy());
  if (c.Needs(1)) c.Set(1, t.Op("Select").In(c.X(0)).In(c.Dy()).In(zeros).Out());
  if (c.Needs(2)) c.Set(2, t.Op("Select").In(c.X(0)).In(zeros).In(c.Dy()).Out());
}

// The condition and both operands are broadcast together.
void SelectV2(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output zero = t.Scalar(c.OutputType(0), 0);
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(t.Op("SelectV2").In(c.X(0)).In(c.Dy()).In(zero).Out(), 1));
  if (c.Needs(2)) c.Set(2, c.Unbroadcast(t.Op("SelectV2").In(c.X(0)).In(zero).In(c.Dy()).Out(), 2));
}

}  // namespace

void AddSelectRules(Registry* registry) {
  registry->Add("Select", Select);
  registry->Add("SelectV2", SelectV2);
  registry->ForComplex({"Select", "SelectV2"});
}

}  // namespace ke::gradient
