// Ops that return their input. Their other effects (checking, naming, stopping) are not part of the
// derivative.
#include "gradient/custom_gradient.h"
#include "gradient/registry.h"
#include "tensorflow/dtype.h"

namespace ke::gradient {

namespace {

void PassOn(RuleContext& c) { c.Set(0, c.Dy()); }

// Passes each gradient on, unless the file of the model holds a custom gradient.
void IdentityN(RuleContext& c) {
  if (ApplyCustomGradient(c)) return;
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (c.Needs(i) && c.HasDy(i)) c.Set(i, c.Dy(i));
  }
}

// The derivative is zero, by definition or at every point where the derivative exists.
void Zero(RuleContext&) {}

void PreventGradient(RuleContext& c) { c.Refuse("the model forbids it: " + c.AttrString("message")); }

// A cast to a real dtype drops the imaginary part, and so does the gradient of a cast to a complex dtype.
void Cast(RuleContext& c) {
  for (const TF_DataType dtype : {c.InputType(0), c.OutputType(0)}) {
    if (!tf::IsFloating(dtype) && !IsComplex(dtype)) c.Refuse("a cast from or to " + tf::DTypeName(dtype));
  }
  c.Set(0, c.ops().Cast(c.Dy(), c.InputType(0)));
}

}  // namespace

void AddIdentityRules(Registry* registry) {
  registry->AddAll(
      {"Identity", "Snapshot", "CheckNumerics", "CheckNumericsV2", "EnsureShape", "PlaceholderWithDefault"},
      PassOn);
  registry->Add("IdentityN", IdentityN);
  registry->Add("PreventGradient", PreventGradient);
  registry->Add("Cast", Cast);
  registry->AddAll({"StopGradient", "ZerosLike", "OnesLike", "Sign", "Floor", "Ceil", "Round", "Rint",
                    "FloorDiv", "TruncateDiv"},
                   Zero);
  registry->ForComplex({"Identity", "IdentityN", "Snapshot", "EnsureShape", "PlaceholderWithDefault",
                        "StopGradient", "ZerosLike", "OnesLike", "Cast"});
}

}  // namespace ke::gradient
