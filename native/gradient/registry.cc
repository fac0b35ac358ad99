#include "gradient/registry.h"

namespace ke::gradient {

namespace {

Registry Build() {
  Registry registry;
  AddIdentityRules(&registry);
  AddElementwiseRules(&registry);
  AddBinaryRules(&registry);
  AddActivationRules(&registry);
  AddReductionRules(&registry);
  AddLinearRules(&registry);
  AddEinsumRule(&registry);
  AddConvolutionRules(&registry);
  AddPoolingRules(&registry);
  AddNormalizationRules(&registry);
  AddShapeRules(&registry);
  AddSelectRules(&registry);
  AddGatherRules(&registry);
  AddResizeRules(&registry);
  AddComplexRules(&registry);
  AddSpectralRules(&registry);
  AddSpecialRules(&registry);
  AddSolveRules(&registry);
  AddDecompositionRules(&registry);
  AddDiagonalRules(&registry);
  AddSegmentRules(&registry);
  AddScatterRules(&registry);
  AddQuantizationRules(&registry);
  AddCropRules(&registry);
  AddColorRules(&registry);
  AddPatchRules(&registry);
  AddRunningRules(&registry);
  AddSparseRules(&registry);
  AddLossRules(&registry);
  AddOrderRules(&registry);
  AddTensorListRules(&registry);
  AddBranchRules(&registry);
  AddWhileRules(&registry);
  AddCApiRules(&registry);
  return registry;
}

}  // namespace

const Registry& Registry::Get() {
  static const Registry registry = Build();
  return registry;
}

Rule Registry::Find(const std::string& op_type) const {
  const auto found = rules_.find(op_type);
  return found == rules_.end() ? nullptr : found->second;
}

Rule Registry::FindOverride(const std::string& op_type, const std::string& name) const {
  const auto type = overrides_.find(op_type);
  if (type == overrides_.end()) return nullptr;
  const auto found = type->second.find(name);
  return found == type->second.end() ? nullptr : found->second;
}

std::vector<std::string> Registry::OverrideNames(const std::string& op_type) const {
  std::vector<std::string> names;
  const auto type = overrides_.find(op_type);
  if (type == overrides_.end()) return names;
  for (const auto& [name, rule] : type->second) names.push_back(name);
  return names;
}

std::vector<std::string> Registry::OverrideTypes() const {
  std::vector<std::string> types;
  for (const auto& [type, rules] : overrides_) types.push_back(type);
  return types;
}

std::vector<std::string> Registry::Types() const {
  std::vector<std::string> types;
  for (const auto& [type, rule] : rules_) types.push_back(type);
  return types;
}

void Registry::Add(const std::string& op_type, Rule rule) { rules_[op_type] = rule; }

void Registry::AddAll(const std::vector<std::string>& op_types, Rule rule) {
  for (const std::string& type : op_types) Add(type, rule);
}

void Registry::ForComplex(const std::vector<std::string>& op_types) {
  for_complex_.insert(op_types.begin(), op_types.end());
}

void Registry::AddOverride(const std::string& op_type, const std::string& name, Rule rule) {
  overrides_[op_type][name] = rule;
}

}  // namespace ke::gradient
