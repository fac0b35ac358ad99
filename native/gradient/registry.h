// Which rule differentiates which op type. The tables are constant once built and shared by all threads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gradient/rule.h"

namespace ke::gradient {

class Registry {
 public:
  // The one instance of the process.
  static const Registry& Get();

  // Null where there is no confirmed gradient.
  Rule Find(const std::string& op_type) const;
  // Null where `op_type` has no override of that name.
  Rule FindOverride(const std::string& op_type, const std::string& name) const;
  // What messages list: the overrides of a type, and the types that have overrides.
  std::vector<std::string> OverrideNames(const std::string& op_type) const;
  std::vector<std::string> OverrideTypes() const;
  // Every op type with a rule, in order: what the finite-difference suite must cover.
  std::vector<std::string> Types() const;

  void Add(const std::string& op_type, Rule rule);
  void AddAll(const std::vector<std::string>& op_types, Rule rule);
  void AddOverride(const std::string& op_type, const std::string& name, Rule rule);

 private:
  std::map<std::string, Rule> rules_;
  std::map<std::string, std::map<std::string, Rule>> overrides_;
};

// One per rules_*.cc.
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
void AddCApiRules(Registry* registry);

}  // namespace ke::gradient
