// The table of gradient rules by op type. The tables are constant once built and are shared by all threads.
#pragma once

#include <map>
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
  // Returns null if `op_type` has no override of that name.
  Rule FindOverride(const std::string& op_type, const std::string& name) const;
  // The names for messages: the overrides of a type, and the types that have overrides.
  std::vector<std::string> OverrideNames(const std::string& op_type) const;
  std::vector<std::string> OverrideTypes() const;
  // Returns every op type with a rule, in order. The finite-difference suite must cover all of these types.
  std::vector<std::string> Types() const;

  void Add(const std::string& op_type, Rule rule);
  void AddAll(const std::vector<std::string>& op_types, Rule rule);
  void AddOverride(const std::string& op_type, const std::string& name, Rule rule);

 private:
  std::map<std::string, Rule> rules_;
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
void AddCApiRules(Registry* registry);

}  // namespace ke::gradient
