// The table of gradient rules by op type. The tables are constant once built and are shared by all threads.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gradient/rule.h"

namespace ke::gradient {

class Registry {
 public:
  // Returns the only instance of the process.
  static const Registry& Get();

  // Returns null if there is no confirmed gradient.
  Rule Find(const std::string& op_type) const;
  // Returns whether the rule of `op_type` is right for complex numbers.
  bool IsForComplex(const std::string& op_type) const { return for_complex_.count(op_type) > 0; }
  // Returns null if `op_type` has no override of that name.
  Rule FindOverride(const std::string& op_type, const std::string& name) const;
  // The names for messages: the overrides of a type, and the types that have overrides.
  std::vector<std::string> OverrideNames(const std::string& op_type) const;
  std::vector<std::string> OverrideTypes() const;
  // Returns every op type with a rule, in order. The finite-difference suite must cover all of these types.
  std::vector<std::string> Types() const;

  void Add(const std::string& op_type, Rule rule);
  void AddAll(const std::vector<std::string>& op_types, Rule rule);
  // Declares that the rules of these ops are right for complex numbers: a holomorphic derivative is
  // conjugated.
  void ForComplex(const std::vector<std::string>& op_types);
  void AddOverride(const std::string& op_type, const std::string& name, Rule rule);

 private:
  std::map<std::string, Rule> rules_;
  std::set<std::string> for_complex_;
  std::map<std::string, std::map<std::string, Rule>> overrides_;
};

// One function per rules_*.cc.
void AddIdentityRules(Registry* registry);
void AddElementwiseRules(Registry* registry);
void AddBinaryRules(Registry* registry);
void AddActivationRules(Registry* registry);
void AddReductionRules(Registry* registry);
void AddLinearRules(Registry* registry);
void AddEinsumRule(Registry* registry);
void AddConvolutionRules(Registry* registry);
void AddPoolingRules(Registry* registry);
void AddNormalizationRules(Registry* registry);
void AddShapeRules(Registry* registry);
void AddSelectRules(Registry* registry);
void AddGatherRules(Registry* registry);
void AddResizeRules(Registry* registry);
void AddComplexRules(Registry* registry);
void AddSpectralRules(Registry* registry);
void AddSpecialRules(Registry* registry);
void AddSolveRules(Registry* registry);
void AddDecompositionRules(Registry* registry);
void AddDiagonalRules(Registry* registry);
void AddSegmentRules(Registry* registry);
void AddScatterRules(Registry* registry);
void AddQuantizationRules(Registry* registry);
void AddCropRules(Registry* registry);
void AddColorRules(Registry* registry);
void AddPatchRules(Registry* registry);
void AddRunningRules(Registry* registry);
void AddSparseRules(Registry* registry);
void AddLossRules(Registry* registry);
void AddOrderRules(Registry* registry);
void AddTensorListRules(Registry* registry);
void AddBranchRules(Registry* registry);
void AddWhileRules(Registry* registry);
void AddCApiRules(Registry* registry);

}  // namespace ke::gradient
