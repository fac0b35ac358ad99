#include "gradient/custom_gradient.h"

#include "ir/custom_gradient.h"
#include "ir/instance_name.h"
#include "tensorflow/import_graph.h"

namespace ke::gradient {

using tf::C;

namespace {

bool HasAttr(TF_Operation* op, const char* name) {
  tf::Status status;
  C().TF_OperationGetAttrMetadata(op, name, status);
  return status.ok();
}

}  // namespace

bool ApplyCustomGradient(RuleContext& c) {
  if (HasAttr(c.op(), graph::kCustomGradientRefusal)) {
    c.Refuse("the model's own gradient function (tf.custom_gradient) cannot be used: " +
             c.AttrString(graph::kCustomGradientRefusal));
  }
  if (!HasAttr(c.op(), graph::kCustomGradientGraph)) return false;
  const int64_t own = c.AttrInt(graph::kCustomGradientOutputs);
  tf::ImportOptions options;
  options.prefix = c.target()->UniqueName(graph::kGradientPrefix + c.name() + "/custom");
  for (const int64_t read : c.AttrInts(graph::kCustomGradientReads)) {
    const int i = static_cast<int>(read);
    options.inputs.push_back({{graph::CustomGradientInput(read)}, read < own ? c.Dy(i) : c.X(i)});
  }
  std::vector<int> set;
  for (const int64_t made : c.AttrInts(graph::kCustomGradientMakes)) {
    if (!c.Needs(static_cast<int>(made))) continue;
    set.push_back(static_cast<int>(made));
    options.outputs.push_back({graph::CustomGradientOutput(made)});
  }
  if (set.empty()) return true;
  const std::vector<TF_Output> gradients =
      tf::ImportGraphDef(c.target()->graph(), c.AttrString(graph::kCustomGradientGraph), options, c.name());
  for (size_t i = 0; i < set.size(); ++i) c.Set(set[i], gradients[i]);
  return true;
}

}  // namespace ke::gradient
