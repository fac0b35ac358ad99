#include "import/check_node.h"

#include <algorithm>
#include <optional>

#include "import/checkpoint.h"
#include "import/lookup_tables.h"
#include "ir/op_traits.h"
#include "ir/random_ops.h"
#include "tensorflow/dtype.h"

namespace ke::graph {
namespace {

constexpr const char* kWhole = "what the model's outputs need";
// The states of TensorFlow's generators have two or three elements.
constexpr int64_t kMostOfState = 8;

// Checks the numbers of input and output tensors that attributes declare: TensorFlow allocates lists of these
// lengths.
void CheckLists(CallTree* tree, OpRegistry* ops, const Source& at, const std::string& name,
                Allowance* tensors_left) {
  const proto::NodeDef& def = tree->Node(at);
  const proto::OpDef& op = ops->Get(def.op, name);
  if (static_cast<int64_t>(def.attrs.size()) > bounds::kAttrs) {
    TooMuch("'" + name + "'", bounds::kAttrs, "attributes", name);
  }
  const auto length = [&](const proto::ArgDef& argument) -> int64_t {
    if (!argument.type_list_attr.empty()) {
      return static_cast<int64_t>(
          proto::AttrTypeListSize(tree->Attr(at.call, at.node, argument.type_list_attr)).value_or(0));
    }
    if (argument.number_attr.empty()) return 1;
    return proto::AttrInt(tree->Attr(at.call, at.node, argument.number_attr)).value_or(1);
  };
  for (const proto::ArgDef& argument : op.inputs) {
    if (length(argument) <= std::max<int64_t>(1, static_cast<int64_t>(def.inputs.size()))) continue;
    throw tf::Error(TF_DATA_LOSS,
                    "'" + name + "' takes " + std::to_string(length(argument)) + " tensors as '" +
                        std::string(argument.name) + "', but has " + std::to_string(def.inputs.size()) +
                        " inputs",
                    name);
  }
  for (const proto::ArgDef& argument : op.outputs) {
    tensors_left->Take(std::max<int64_t>(length(argument), 1), kWhole, name);
  }
}

// TensorFlow assumes that the value of a constant has the declared dtype. If not, shape inference may end the
// process.
void CheckConstant(const CallTree& tree, const Source& at, const std::string& name) {
  const auto dtype = proto::AttrType(tree.Attr(at.call, at.node, "dtype"));
  const auto value = proto::AttrTensor(tree.Attr(at.call, at.node, "value"));
  if (!dtype || !value) {
    throw tf::Error(TF_DATA_LOSS, "constant '" + name + "' has no dtype or value", name);
  }
  const TF_DataType found = proto::TensorType(*value);
  if (found == *dtype) return;
  throw tf::Error(TF_DATA_LOSS,
                  "constant '" + name + "' contradicts itself: expected a value of dtype " +
                      tf::DTypeName(*dtype) + ", found " + tf::DTypeName(found),
                  name);
}

// Returns the branch that always runs because the predicate is a constant of the file, also a default that
// nothing feeds. Returns nothing for other nodes.
std::optional<size_t> PlainChoice(CallTree* tree, const Source& at) {
  const Control control = ControlOf(tree->Node(at).op);
  if ((control != Control::kIf && control != Control::kCase) || tree->Node(at).inputs.empty()) return {};
  Source predicate = tree->Input(at, 0);
  bool negated = false;
  for (int hops = 0; hops < 1000; ++hops) {
    if (predicate.IsArgument()) return {};
    const proto::NodeDef& def = tree->Node(predicate);
    if (def.op == "Const") break;
    if ((def.op != "LogicalNot" && !HasTrait(def.op, trait::kView)) || def.inputs.size() != 1) return {};
    if (def.op == "LogicalNot") negated = !negated;
    predicate = tree->Input(predicate, 0);
  }
  const auto value = proto::AttrTensor(tree->Attr(predicate.call, predicate.node, "value"));
  if (!value || proto::TensorShape(*value).rank() != 0) return {};
  const size_t branches = tree->Functions(at.call, at.node).size();
  if (control == Control::kIf) return proto::TensorIsZero(*value) == negated ? 1 : 0;
  const std::vector<int64_t> number = proto::TensorInts(*value);
  const int64_t index = number.empty() ? 0 : number[0];
  return index < 0 || index >= static_cast<int64_t>(branches) ? branches - 1 : static_cast<size_t>(index);
}

// Calls visit(node, variable) for each input of each op that may change what the input stands for, in all
// calls of the tree and in the calls that these expand to. The tree grows while its calls are visited.
template <typename Visit>
void ForEachChange(CallTree* tree, OpRegistry* ops, Visit visit) {
  for (int call = 1; call < tree->size(); ++call) {
    for (size_t i = 0; i < tree->Nodes(call).size(); ++i) {
      const int node = static_cast<int>(i);
      const proto::NodeDef& def = tree->Nodes(call)[i];
      if (ControlOf(def.op) != Control::kNone && !tree->IsCall(call, node)) {
        const bool expanded = tree->call(call).bodies_of.count(node) > 0;
        const std::optional<size_t> choice = expanded ? std::nullopt : PlainChoice(tree, {call, node, 0});
        if (choice) {
          tree->Choose(call, node, *choice);
        } else {
          const size_t bodies = tree->Functions(call, node).size();
          for (size_t k = 0; k < bodies; ++k) tree->ExpandBody(call, node, k);
          continue;
        }
      }
      if (tree->IsCall(call, node)) {
        tree->Expand(call, node);
        continue;
      }
      if (HasTrait(def.op, trait::kReadsVariable) || def.op == "Identity") continue;
      if (!ops->MayHaveEffects(def.op)) continue;
      for (size_t k = 0; k < def.inputs.size(); ++k) {
        const Source at{call, node, 0};
        visit(at, tree->Input(at, k));
      }
    }
  }
}

}  // namespace

bool IsHandle(CallTree* tree, const Source& at, size_t input) {
  const std::string_view op = tree->Node(at).op;
  const Control control = ControlOf(op);
  if (control != Control::kNone) {
    if (input < FirstArgument(control)) return false;
    const int body = tree->ExpandBody(at.call, at.node, 0);
    const auto& arguments = tree->call(body).function->signature.inputs;
    const size_t argument = input - FirstArgument(control);
    return argument < arguments.size() && arguments[argument].type == TF_RESOURCE;
  }
  return input == 0 && (op == "ReadVariableOp" || op == "ResourceGather" || op == "ResourceGatherNd" ||
                        op == "RngReadAndSkip" || op == "VariableShape" || ReadsLookupTable(op));
}

void CheckNode(CallTree* tree, OpRegistry* ops, const Source& at, Allowance* tensors_left) {
  const std::string_view op = tree->Node(at).op;
  const bool control = ControlOf(op) != Control::kNone;
  const std::string name = tree->FlatName(at.call, at.node);
  if (DrawsFromState(op)) ops->CheckPure(op, name);
  if (IsOldVariable(op) || (!control && IsHandle(tree, at, 0))) return;
  if (op == "Placeholder") {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "the outputs need placeholder '" + name + "', which is none of the model's inputs", name);
  }
  if (!control) ops->CheckPure(op, name);
  CheckLists(tree, ops, at, name, tensors_left);
  if (op == "Const") CheckConstant(*tree, at, name);
}

void RefuseChangedVariables(CallTree* tree, OpRegistry* ops, const FlatGraph& graph,
                            const std::map<std::pair<int, int>, int>& weights, const std::set<int>& states) {
  ForEachChange(tree, ops, [&](const Source& at, const Source& variable) {
    const auto weight = weights.find({variable.call, variable.node});
    if (weight == weights.end() || states.count(weight->second) > 0) return;
    const FlatWeight& changed = graph.weights[weight->second];
    const std::string random =
        MayBeRandomState(changed)
            ? ". If the variable is the seed of random layers, the option `allowRandom: true` of `loadModel` "
              "runs the model as it is, with random numbers that follow from the option `seed`"
            : "";
    throw tf::Error(TF_UNIMPLEMENTED,
                    "the model's outputs read variable '" + changed.name + "', which op " +
                        std::string(tree->Node(at).op) + " ('" + tree->FlatName(at.call, at.node) +
                        "') may change when the model runs: a model that changes its state (the seeds of "
                        "random layers, counters) cannot be frozen. Export the model for inference in "
                        "Python: archive = keras.export.ExportArchive(); archive.track(model); "
                        "archive.add_endpoint('serve', lambda x: model(x, training=False), "
                        "[tf.TensorSpec(shape, dtype)]); archive.write_out(directory)" +
                        random,
                    tree->FlatName(at.call, at.node));
  });
}

std::set<std::string> ChangedVariables(const proto::GraphDef& graph, OpRegistry* ops,
                                       const std::vector<TensorSpec>& outputs) {
  // Which calls of a tree are expanded determines which branches import may still choose. The search
  // therefore expands the calls of a tree of its own.
  CallTree tree(graph, ops);
  for (const TensorSpec& output : outputs) tree.Resolve(0, output.name);
  std::set<std::string> changed;
  ForEachChange(&tree, ops, [&](const Source&, const Source& variable) {
    if (variable.IsArgument() || tree.Node(variable).op != "VarHandleOp") return;
    changed.insert(tree.FlatName(variable.call, variable.node));
  });
  return changed;
}

bool MayBeRandomState(const FlatWeight& weight) {
  const bool integers = weight.dtype == TF_INT32 || weight.dtype == TF_INT64 || weight.dtype == TF_UINT32 ||
                        weight.dtype == TF_UINT64;
  return integers && weight.shape.rank() == 1 && weight.shape.dims[0] > 0 &&
         weight.shape.dims[0] <= kMostOfState;
}

}  // namespace ke::graph
