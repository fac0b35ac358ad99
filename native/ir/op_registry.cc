#include "ir/op_registry.h"

#include "ir/op_traits.h"
#include "ir/random_ops.h"

namespace ke::graph {

using tf::C;

namespace {

// JAX compiles the whole network into this op, which has neither layers nor a gradient.
constexpr std::string_view kCompiledByJax = "XlaCallModule";

// Returns whether the op is a part of a loop of TensorFlow 1: a cycle of frames, or the arrays of its turns.
bool IsOldLoop(std::string_view op) {
  return op == "Enter" || op == "Exit" || op == "NextIteration" || op == "LoopCond" ||
         op.starts_with("TensorArray");
}

}  // namespace

OpRegistry::OpRegistry(const std::vector<std::string>& allowed, bool allow_random)
    : scratch_(C().TF_NewGraph()), allowed_(allowed.begin(), allowed.end()), allow_random_(allow_random) {
  for (const std::string& op : allowed_) {
    const proto::OpDef* definition = Find(op);
    if (definition == nullptr) {
      throw tf::Error(TF_INVALID_ARGUMENT,
                      "`allowOps` names '" + op + "', which is no op of TensorFlow " + C().TF_Version() +
                          ": expected types of ops, as 'ReadFile', not names of nodes",
                      op);
    }
    if (!definition->function_attrs.empty()) {
      throw tf::Error(
          TF_INVALID_ARGUMENT,
          "`allowOps` names '" + op +
              "', which runs functions: these are not taken into the graph, whoever allows it. Leave it out",
          op);
    }
  }
}

const proto::OpDef* OpRegistry::Find(std::string_view op) {
  const auto known = entries_.find(op);
  if (known != entries_.end()) return known->second == nullptr ? nullptr : &known->second->definition;
  const std::string name(op);
  tf::Status status;
  const tf::BufferPtr buffer = tf::NewBuffer();
  C().TF_GraphGetOpDef(scratch_.get(), name.c_str(), buffer.get(), status);
  std::unique_ptr<Entry> entry;
  if (status.ok()) {
    entry = std::make_unique<Entry>();
    entry->bytes = tf::View(buffer.get());
    entry->definition = proto::ReadOp(entry->bytes, "the definition of op " + name);
  }
  const auto& kept = entries_.emplace(name, std::move(entry)).first->second;
  return kept == nullptr ? nullptr : &kept->definition;
}

const proto::OpDef& OpRegistry::Get(std::string_view op, std::string_view node) {
  if (const proto::OpDef* definition = Find(op)) return *definition;
  throw tf::Error(TF_UNIMPLEMENTED,
                  "node '" + std::string(node) + "' is of op " + std::string(op) + ", which TensorFlow " +
                      C().TF_Version() +
                      " does not know: the model needs a custom op library or a newer TensorFlow",
                  std::string(node));
}

bool OpRegistry::MayHaveEffects(std::string_view op) {
  const proto::OpDef* definition = Find(op);
  return definition == nullptr || definition->is_stateful;
}

void OpRegistry::CheckPure(std::string_view op, std::string_view node) {
  const proto::OpDef& definition = Get(op, node);
  if (IsAllowed(op)) return;
  if (DrawsFromState(op)) return CheckRandom(op, node);
  if (HasTrait(op, trait::kPure)) return;
  if (op == kCompiledByJax) {
    throw tf::Error(
        TF_UNIMPLEMENTED,
        "the model's outputs need op " + std::string(op) + " (node '" + std::string(node) +
            "'), which holds the network as JAX compiled it, without layers and gradients. Start Python "
            "with KERAS_BACKEND=tensorflow, load the model or its weights, and export it again. For "
            "predictions alone, it is enough to export it with jax2tf_kwargs={'native_serialization': "
            "False, 'enable_xla': False}",
        std::string(node));
  }
  if (IsOldLoop(op)) {
    throw tf::Error(
        TF_UNIMPLEMENTED,
        "the model's outputs need op " + std::string(op) + " (node '" + std::string(node) +
            "'), a part of a loop of TensorFlow 1, which is not supported. Make the graph again "
            "with loops of TensorFlow 2: call tf.compat.v1.enable_control_flow_v2() first, or give "
            "tensorflowjs_converter --control_flow_v2=True",
        std::string(node));
  }
  const bool runs_functions = !definition.function_attrs.empty();
  const char* reason = "is none of those that only compute: it may reach files, hosts or foreign code";
  if (runs_functions) {
    reason = "runs functions in a way that is not supported";
  } else if (definition.is_stateful) {
    reason = "keeps or needs state beyond its inputs, or reaches outside the graph";
  }
  throw tf::Error(TF_UNIMPLEMENTED,
                  "the model's outputs need op " + std::string(op) + " (node '" + std::string(node) +
                      "'), which " + reason +
                      "; choose outputs that do not need it, or save the model without it" +
                      (runs_functions ? "" : ", or, where you trust the file, name the op in `allowOps`"),
                  std::string(node));
}

void OpRegistry::CheckRandom(std::string_view op, std::string_view node) const {
  const std::string name(node);
  const std::string needs =
      "the model's outputs need op " + std::string(op) + " (node '" + name + "'), which ";
  if (!allow_random_) {
    throw tf::Error(TF_UNIMPLEMENTED,
                    needs +
                        "draws other random numbers in every run. Export the model for inference "
                        "(training=False), or load it with the option `allowRandom: true`: the numbers then "
                        "follow from the option `seed` of `predict` and `explain`",
                    name);
  }
  if (op == "RngReadAndSkip" || !SeededOp(op).empty()) return;
  throw tf::Error(
      TF_UNIMPLEMENTED,
      needs +
          "draws random numbers in a way that no seed can repeat. Choose outputs that do not need "
          "it, or draw the numbers with tf.random.stateless_* functions",
      name);
}

}  // namespace ke::graph
