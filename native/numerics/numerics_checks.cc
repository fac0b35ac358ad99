#include "numerics/numerics_checks.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "ir/instance_name.h"
#include "ir/op_traits.h"
#include "numerics/numerics_op.h"
#include "tensorflow/dtype.h"
#include "tensorflow/import_graph.h"
#include "tensorflow/protozero.h"
#include "tensorflow/read_graph.h"
#include "wire/bounds.h"
#include "wire/field_numbers.h"
#include "wire/text.h"
#include "wire/write_proto.h"

namespace ke::graph {

using protozero::pbf_reader;
using protozero::pbf_writer;
using tf::C;

namespace {

// Returns whether the op returns elements of its floating inputs or omits them. Such an op cannot produce a
// NaN or Inf from finite inputs. The ops of a loop's functions are checked. CheckNumerics is stateful and
// refuses values.
bool IsMover(std::string_view op) {
  return HasAnyTrait(op, {trait::kMovesValues, trait::kKeepsFinite, trait::kCallsFunctions}) &&
         !HasTrait(op, trait::kStateful);
}

// The functions of the model's own loops and branches are not checked. The results of these ops are checked
// instead, and tensors taken from lists, whose content cannot be checked.
bool IsMover(TF_Operation* op) {
  const std::string_view type = C().TF_OperationOpType(op);
  if (!IsMover(type)) return false;
  const std::vector<TF_Output> inputs = tf::Inputs(op);
  const bool from_list = std::any_of(inputs.begin(), inputs.end(), [](const TF_Output& input) {
    return C().TF_OperationOutputType(input) == TF_VARIANT;
  });
  const bool opaque = from_list || HasTrait(type, trait::kCallsFunctions);
  return !opaque || !ParseName(C().TF_OperationName(op)).of_model;
}

// Returns whether the op tests a property of numbers or reads a shape. Any number is a valid input.
bool IsQuestion(std::string_view op) { return HasAnyTrait(op, {trait::kQuestion, trait::kShapeOnly}); }

// Returns whether the op may omit elements of input `i` from its result, whatever their values.
bool MayLeaveOut(std::string_view op, int i) {
  if (HasTrait(op, trait::kSelects)) return i == 1 || i == 2;
  return (op == "MulNoNan" || op == "DivNoNan") && i == 0;
}

// Weights, feeds and constants are not computed by an op.
bool IsComputed(std::string_view op) { return !HasTrait(op, trait::kSource); }

using Key = std::pair<TF_Operation*, int>;
Key KeyOf(TF_Output tensor) { return {tensor.oper, tensor.index}; }

std::string_view TypeOf(TF_Operation* op) { return C().TF_OperationOpType(op); }

// Returns the tensor as a NodeDef names its input.
std::string Spell(TF_Output tensor) {
  const std::string name = C().TF_OperationName(tensor.oper);
  return tensor.index == 0 ? name : name + ":" + std::to_string(tensor.index);
}

class Checker {
 public:
  Checker(TF_Graph* graph, const NumericsPlan& plan) : graph_(graph), plan_(plan) {
    size_t position = 0;
    while (TF_Operation* op = C().TF_GraphNextOperation(graph, &position)) {
      ops_.push_back(op);
      const std::vector<TF_Output>& inputs = inputs_[op] = tf::Inputs(op);
      for (size_t i = 0; i < inputs.size(); ++i) {
        consumers_[KeyOf(inputs[i])].push_back({op, static_cast<int>(i)});
      }
    }
    for (const TF_Output& result : plan.results) strict_.insert(KeyOf(inputs_.at(result.oper)[0]));
    for (const TF_Output& feed : plan.feeds) strict_.insert(KeyOf(feed));
    for (const TF_Output& weight : plan.bad_weights) strict_.insert(KeyOf(weight));
    // Consumers come after their inputs, so a backward walk knows the uses of a value.
    for (auto op = ops_.rbegin(); op != ops_.rend(); ++op) FindPassed(*op);
  }

  tf::GraphPtr Run() {
    for (TF_Operation* op : ops_) {
      for (int i = 0; i < C().TF_OperationNumOutputs(op); ++i) {
        const TF_Output tensor{op, i};
        if (Passes(tensor)) {
          sources_.emplace(KeyOf(tensor), FindSources(tensor));
        } else {
          Plan(tensor);
        }
      }
    }
    return Import();
  }

 private:
  struct Check {
    TF_Output value;
    std::string name;
    std::vector<TF_Output> others;  // `given`, then `let_pass`
    NumericsCheck blame;
  };

  // The sources of an unchecked value: tensors that no op computes, and computed tensors that reach the value
  // unchecked.
  struct Sources {
    std::vector<TF_Output> given;
    std::vector<TF_Output> passed;
  };
  using SharedSources = std::shared_ptr<const Sources>;

  bool Passes(TF_Output tensor) const { return passed_.count(KeyOf(tensor)) > 0; }

  // Marks the outputs of `op` that are not checked.
  void FindPassed(TF_Operation* op) {
    const int outputs = C().TF_OperationNumOutputs(op);
    bool all = outputs > 0;
    for (int i = 0; i < outputs; ++i) {
      if (MayPass({op, i})) {
        passed_.insert(KeyOf({op, i}));
      } else {
        all = false;
      }
    }
    if (all) all_pass_.insert(op);
  }

  // Returns whether every use of the tensor may omit the value or only tests a property of it, and at least
  // one use may omit it.
  bool MayPass(TF_Output tensor) const {
    if (!tf::IsFloating(C().TF_OperationOutputType(tensor)) || strict_.count(KeyOf(tensor)) > 0) return false;
    const auto found = consumers_.find(KeyOf(tensor));
    if (found == consumers_.end()) return false;
    bool left_out = false;
    for (const auto& [consumer, input] : found->second) {
      const std::string_view type = TypeOf(consumer);
      const bool leaves_out =
          MayLeaveOut(type, input) || (IsMover(consumer) && all_pass_.count(consumer) > 0);
      if (!leaves_out && !IsQuestion(type)) return false;
      left_out |= leaves_out;
    }
    return left_out;
  }

  // Returns the sources of an unchecked value. The sources of the op's inputs are known already, because ops
  // come after their inputs.
  SharedSources FindSources(TF_Output tensor) {
    const std::string_view type = TypeOf(tensor.oper);
    if (!IsComputed(type)) return std::make_shared<Sources>(Sources{{tensor}, {}});
    std::vector<SharedSources> parts;
    const std::vector<TF_Output>& inputs = inputs_.at(tensor.oper);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!Passes(inputs[i])) continue;
      if (!IsMover(tensor.oper) && !MayLeaveOut(type, static_cast<int>(i))) continue;
      parts.push_back(sources_.at(KeyOf(inputs[i])));
    }
    if (parts.empty()) return std::make_shared<Sources>(Sources{{}, {tensor}});
    return Join(parts);
  }

  // Returns the union of `parts` without duplicates. Along a chain every value has the same sources, which
  // are shared instead of copied.
  SharedSources Join(const std::vector<SharedSources>& parts) {
    const bool same =
        std::all_of(parts.begin(), parts.end(), [&](const auto& part) { return part == parts[0]; });
    if (same) return parts[0];
    Sources joined;
    std::set<Key> seen;
    const auto add = [&](const std::vector<TF_Output>& from, std::vector<TF_Output>* to) {
      sources_left_.Take(static_cast<int64_t>(from.size()), kSources);
      for (const TF_Output& source : from) {
        if (seen.insert(KeyOf(source)).second) to->push_back(source);
      }
    };
    for (const SharedSources& part : parts) {
      add(part->given, &joined.given);
      add(part->passed, &joined.passed);
    }
    return std::make_shared<Sources>(std::move(joined));
  }

  void Plan(TF_Output tensor) {
    if (!tf::IsFloating(C().TF_OperationOutputType(tensor))) return;
    const bool strict = strict_.count(KeyOf(tensor)) > 0;
    if (!strict) {
      if (consumers_.count(KeyOf(tensor)) == 0) return;
      const std::string_view type = TypeOf(tensor.oper);
      if (IsMover(tensor.oper)) return;
      if (!IsComputed(type) && !(type == "Const" && IsBad(tensor))) return;
    }
    Check check;
    check.value = tensor;
    check.name = C().TF_OperationName(tensor.oper) + std::string("/numerics_") + std::to_string(tensor.index);
    while (C().TF_GraphOperationByName(graph_, check.name.c_str()) != nullptr) check.name += "_";
    check.blame.origin = OriginOf(tensor.oper);
    std::vector<SharedSources> parts;
    for (const TF_Output& input : inputs_.at(tensor.oper)) {
      if (!tf::IsFloating(C().TF_OperationOutputType(input))) continue;
      if (Passes(input)) {
        parts.push_back(sources_.at(KeyOf(input)));
      } else {
        check.others.push_back(input);
      }
    }
    const SharedSources sources = parts.empty() ? std::make_shared<Sources>() : Join(parts);
    sources_left_.Take(static_cast<int64_t>(sources->given.size() + sources->passed.size()), kSources);
    check.others.insert(check.others.end(), sources->given.begin(), sources->given.end());
    if (strict) check.others.clear();
    for (const TF_Output& source : sources->passed) {
      check.others.push_back(source);
      check.blame.let_pass.push_back(OriginOf(source.oper));
    }
    checks_.emplace(Spell(tensor), std::move(check));
  }

  // A weight must not contain a NaN or Inf, and another constant no NaN.
  static bool IsBad(TF_Output constant) {
    tf::Status status;
    TF_Tensor* value = nullptr;
    C().TF_OperationGetAttrTensor(constant.oper, "value", &value, status);
    status.Check(C().TF_OperationName(constant.oper));
    const tf::TensorPtr owned(value);
    const Worst worst = WorstOf(value);
    return worst == Worst::kNan ||
           (worst == Worst::kInf && ParseName(C().TF_OperationName(constant.oper)).weight);
  }

  Origin OriginOf(TF_Operation* op) const {
    const InstanceName name = ParseName(C().TF_OperationName(op));
    Origin origin;
    origin.type = TypeOf(op);
    origin.op = name.op;
    origin.of_model = name.of_model;
    origin.backward = name.gradient;
    if (origin.type == "Placeholder") origin.type = "Input";
    if (name.weight) origin.type = "Weight";
    if (!name.gradient) return origin;
    // The name is "gradient/<the op>/<ops of the rule>". The longest prefix that names an op is that op.
    for (std::string_view of = name.graph_name; !of.empty(); of = ParentPath(of)) {
      if (TF_Operation* const forward = plan_.find(std::string(of))) {
        const InstanceName forward_name = ParseName(std::string(of));
        origin.op = forward_name.op;
        origin.of_model = forward_name.of_model;
        origin.type = TypeOf(forward);
        break;
      }
    }
    return origin;
  }

  tf::GraphPtr Import() const {
    const tf::BufferPtr from = tf::ToGraphDef(graph_);
    std::string graph_def;
    pbf_writer writer(graph_def);
    pbf_reader reader(static_cast<const char*>(from->data), from->length);
    while (reader.next()) {
      if (reader.tag() == fields::graph_def::kNode) {
        pbf_writer node(writer, fields::graph_def::kNode);
        CopyNode(reader.get_message(), &node);
      } else {
        writer.add_message(reader.tag(), reader.get_view());
      }
    }
    for (const auto& [name, check] : checks_) AppendCheck(check, &graph_def);
    return tf::GraphOf(graph_def);
  }

  void CopyNode(pbf_reader node, pbf_writer* to) const {
    while (node.next()) {
      if (node.tag() != fields::node_def::kInput) {
        to->add_message(node.tag(), node.get_view());
        continue;
      }
      const std::string input = node.get_string();
      const auto check = checks_.find(input);  // a control input ("^op") has no check
      to->add_string(fields::node_def::kInput, check == checks_.end() ? input : check->second.name);
    }
  }

  static void AppendCheck(const Check& check, std::string* graph_def) {
    std::vector<std::string> inputs{Spell(check.value)};
    std::vector<TF_DataType> dtypes;
    for (const TF_Output& other : check.others) {
      inputs.push_back(Spell(other));
      dtypes.push_back(C().TF_OperationOutputType(other));
    }
    AppendNode(check.name, NumericsOpName(), inputs,
               {{"T", TypeAttr(C().TF_OperationOutputType(check.value))},
                {"others_types", TypesAttr(dtypes)},
                {"blame", StringAttr(Serialize(check.blame))}},
               graph_def);
  }

  static constexpr const char* kSources = "what checks of numerics look back at";

  TF_Graph* const graph_;
  const NumericsPlan& plan_;
  std::vector<TF_Operation*> ops_;
  std::unordered_map<TF_Operation*, std::vector<TF_Output>> inputs_;
  std::map<Key, std::vector<std::pair<TF_Operation*, int>>> consumers_;
  std::set<Key> strict_;
  std::set<Key> passed_;                        // tensors that are not checked
  std::unordered_set<TF_Operation*> all_pass_;  // ops without a checked output
  std::map<Key, SharedSources> sources_;        // per tensor of passed_
  Allowance sources_left_{bounds::kSources, "values"};
  std::map<std::string, Check> checks_;  // by the value, as a NodeDef names its input
};

}  // namespace

tf::GraphPtr WithNumericsChecks(TF_Graph* graph, const NumericsPlan& plan) {
  RegisterNumericsOp();
  return Checker(graph, plan).Run();
}

}  // namespace ke::graph
