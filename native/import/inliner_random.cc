// Random numbers follow from the seed of the run: draws from the state of a generator become draws from the
// seed, and the states of generators that the model advances (the seed generators of Keras 3,
// tf.random.Generator) become their initial values, mixed with the seed.
#include <algorithm>
#include <cstdint>
#include <string>

#include "import/check_node.h"
#include "import/inliner.h"
#include "ir/op_traits.h"
#include "ir/random_ops.h"
#include "wire/write_tensor.h"

namespace ke::graph {

namespace {

// Returns the FNV-1a hash of a name, as the constant that tells a draw from all others.
int32_t Salt(const std::string& name) {
  uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int32_t>(hash);
}

[[noreturn]] void RefuseUse(const FlatNode& node) {
  throw tf::Error(TF_UNIMPLEMENTED,
                  "the model changes a variable when it runs, and op " + node.op + " ('" + node.name +
                      "') uses the variable for something else than drawing random numbers: `allowRandom` is "
                      "for models whose only state is the seeds of their random numbers",
                  node.name);
}

}  // namespace

std::optional<size_t> TurnCounter(CallTree* tree, int body) {
  const auto& arguments = tree->call(body).function->signature.inputs;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].type != TF_INT32 && arguments[i].type != TF_INT64) continue;
    Source next = tree->Result(body, i);
    for (int hops = 0; hops < 1000 && !next.IsArgument() && tree->Node(next).op == "Identity"; ++hops) {
      next = tree->Input(next, 0);
    }
    if (next.IsArgument() || !HasTrait(tree->Node(next).op, trait::kSum)) continue;
    if (tree->Node(next).inputs.size() != 2) continue;
    const Source counter = tree->Input(next, 0);
    const Source step = tree->Input(next, 1);
    if (!(counter == tree->Argument(body, i)) || step.IsArgument() || tree->Node(step).op != "Const")
      continue;
    const auto value = proto::AttrTensor(tree->Attr(step.call, step.node, "value"));
    if (value && proto::TensorShape(*value).rank() == 0 && !proto::TensorIsZero(*value)) return i;
  }
  return std::nullopt;
}

TensorId Inliner::Vector(const std::string& name, const std::vector<int64_t>& values) {
  return builder_.AddOp(
      name, "Const", {},
      {{"dtype", TypeAttr(TF_INT32)}, {"value", IntTensorAttr(TF_INT32, {std::ssize(values)}, values)}});
}

TensorId Inliner::Mixed(const Source& at, TensorId seed, TensorId with) {
  const Place place{at.call, at.node};
  return Placed(builder_.AddOp(Name(at) + "/seed", "Pack", {seed, with},
                               {{"T", TypeAttr(TF_INT32)}, {"N", IntAttr(2)}, {"axis", IntAttr(0)}}),
                place);
}

TensorId Inliner::RunSeed(const Source& at) {
  if (seed_) return *seed_;
  const TensorId given = Value(kRunSeed);
  if (!loop_) return *(seed_ = given);
  const Place place{at.call, at.node};
  if (!loop_->counter) {
    throw tf::Error(
        TF_UNIMPLEMENTED,
        "'" + Name(at) +
            "' draws random numbers in a loop that does not count its turns, or in the condition of "
            "a loop: the turns would draw the same numbers. Draw them before the loop",
        Name(at));
  }
  const Source counter = Source::OfArgument(body_, static_cast<int>(*loop_->counter));
  const TF_DataType dtype = tree_.call(body_).function->signature.inputs[*loop_->counter].type;
  const TensorId turn =
      Placed(builder_.AddOp(
                 Name(at) + "/turn", "Cast", {Lookup(counter)},
                 {{"SrcT", TypeAttr(dtype)}, {"DstT", TypeAttr(TF_INT32)}, {"Truncate", BoolAttr(false)}}),
             place);
  const TensorId shape = Placed(Vector(Name(at) + "/scalar", {}), place);
  seed_ =
      Placed(builder_.AddOp(
                 Name(at) + "/turn_seed", "StatelessRandomUniformFullInt", {shape, Mixed(at, given, turn)},
                 {{"dtype", TypeAttr(TF_INT32)}, {"T", TypeAttr(TF_INT32)}, {"Tseed", TypeAttr(TF_INT32)}}),
             place);
  return *seed_;
}

TensorId Inliner::SeedOf(const Source& at) {
  const TensorId seed = RunSeed(at);
  const TensorId salt = Placed(builder_.AddInt32(Name(at) + "/salt", Salt(Name(at))), {at.call, at.node});
  return Mixed(at, seed, salt);
}

int Inliner::DrawFromSeed(const Source& at) {
  const proto::NodeDef& def = tree_.Node(at);
  FlatNode node;
  node.name = Name(at);
  node.op = SeededOp(def.op);
  const auto seed = static_cast<size_t>(DrawOf(node.op)->seeds[0]);
  if (def.inputs.size() < seed) {
    throw tf::Error(TF_DATA_LOSS, "'" + Name(at) + "' has too few inputs", Name(at));
  }
  for (size_t i = 0; i < def.inputs.size(); ++i) node.inputs.push_back(Lookup(tree_.Input(at, i)));
  node.inputs.insert(node.inputs.begin() + static_cast<std::ptrdiff_t>(seed), SeedOf(at));
  for (const auto& [name, value] : def.attrs) {
    if (name.starts_with('_') || name == "seed" || name == "seed2") continue;
    node.attrs.emplace_back(name == "Tout" ? "dtype" : name, tree_.Attr(at.call, at.node, name));
  }
  node.attrs.emplace_back("Tseed", TypeAttr(TF_INT32));
  node.attrs.emplace_back(kDrawnByRun, BoolAttr(true));
  return Placed(builder_.Add(std::move(node)), {at.call, at.node}).node;
}

bool Inliner::IsRandomState(int weight) const {
  if (!extras_.allow_random) return false;
  const FlatWeight& of = root_.graph_.weights[weight];
  return MayBeRandomState(of) && root_.changed_.count(root_.graph_.nodes[of.node].name) > 0;
}

int Inliner::ReadState(const Source& at, int weight) {
  const FlatWeight& of = root_.graph_.weights[weight];
  const Place place{at.call, at.node};
  if (tree_.Node(at).op == "RngReadAndSkip" && of.shape.dims[0] != 3) {
    throw tf::Error(TF_UNIMPLEMENTED,
                    "the generator of random numbers behind '" + Name(at) + "' is not Philox", Name(at));
  }
  root_.states_.insert(weight);
  const TensorId shape = Placed(Vector(Name(at) + "/sizes", of.shape.dims), place);
  const TensorId mask =
      Placed(builder_.AddOp(
                 Name(at) + "/mask", "StatelessRandomUniformFullInt", {shape, SeedOf(at)},
                 {{"dtype", TypeAttr(of.dtype)}, {"T", TypeAttr(TF_INT32)}, {"Tseed", TypeAttr(TF_INT32)}}),
             place);
  const TensorId state = Placed(
      builder_.AddOp(Name(at), "BitwiseXor", {Value(weight), mask}, {{"T", TypeAttr(of.dtype)}}), place);
  seeds_.insert(state.node);
  return state.node;
}

void Inliner::MarkDraws(const std::vector<TensorId>& results) {
  if (seeds_.empty()) return;
  // Nodes were added after the nodes that they need.
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    FlatNode& node = graph_.nodes[i];
    const auto is_seed = [&](const TensorId& input) { return seeds_.count(input.node) > 0; };
    if (seeds_.count(static_cast<int>(i)) > 0) continue;
    if (std::none_of(node.inputs.begin(), node.inputs.end(), is_seed)) continue;
    if (const Draw* draw = DrawOf(node.op)) {
      for (size_t k = 0; k < node.inputs.size(); ++k) {
        const bool place_of_seed =
            std::find(draw->seeds.begin(), draw->seeds.end(), static_cast<int>(k)) != draw->seeds.end();
        if (is_seed(node.inputs[k]) && !place_of_seed) RefuseUse(node);
      }
      node.attrs.emplace_back(kDrawnByRun, BoolAttr(true));
      continue;
    }
    if (HasTrait(node.op, trait::kShapeOnly)) continue;
    const bool computes = MakesKey(node.op) || node.op == "Bitcast" ||
                          HasAnyTrait(node.op, {trait::kMovesValues, trait::kUnary, trait::kBinary,
                                                trait::kConverts, trait::kSelects, trait::kReduction});
    if (!computes) RefuseUse(node);
    seeds_.insert(static_cast<int>(i));
  }
  for (const TensorId& result : results) {
    if (seeds_.count(result.node) > 0) RefuseUse(graph_.nodes[result.node]);
  }
}

}  // namespace ke::graph
