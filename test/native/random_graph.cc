#include "random_graph.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "gradient/ops.h"
#include "run_graph.h"
#include "tensorflow/dtype.h"

namespace ke::test {

using graph::Scope;
using graph::Shape;

namespace {

// The conversion of a tensor to an input of a block. First the number of elements is changed to the needed
// number:
enum class Fit { kMix, kPick, kTile };
constexpr Fit kFits[] = {Fit::kMix, Fit::kPick, Fit::kTile};
// then the elements are squeezed into (-1, 1) and scaled to the domain.
constexpr const char* kSqueezes[] = {"Tanh", "Sin", "Softsign", "Erf"};

struct Wire {
  size_t source = 0;  // index in the pool of tensors
  int64_t count = 0;  // number of elements of the source
  Fit fit = Fit::kMix;
  std::string squeeze;
  std::vector<double> weights;  // kMix: (count, needed)
  std::vector<int32_t> picks;   // kPick: indices of the source's elements
  int shape_arg = -1;           // the arg that feeds the shape; -1 for a constant shape
};

struct Step {
  GradientCase block;
  std::vector<Wire> wires;    // per input of the block
  std::vector<int> fed_args;  // per input: the graph's arg that feeds the input, or -1
};

struct Plan {
  size_t inputs = 0;
  std::vector<Step> steps;
  std::vector<size_t> ys;
};

bool IsInput(const Arg& arg) { return tf::IsFloating(arg.dtype); }

TF_Output Constant(Scope& s, const std::vector<int64_t>& shape, const std::vector<double>& values) {
  return s.Const(MakeTensor(TF_DOUBLE, shape, values).get());
}

TF_Output Fitted(Scope& s, TF_Output x, const Wire& wire, int64_t needed) {
  const TF_Output flat = s.Op("Reshape").In(x).In(s.Const(std::vector<int32_t>{-1})).Out();
  switch (wire.fit) {
    case Fit::kMix: {
      const TF_Output row = s.Op("ExpandDims").In(flat).In(s.Const(0)).Out();
      return s.Op("MatMul").In(row).In(Constant(s, {wire.count, needed}, wire.weights)).Out();
    }
    case Fit::kPick:
      return s.Op("GatherV2").In(flat).In(s.Const(wire.picks)).In(s.Const(0)).Out();
    case Fit::kTile: {
      const auto times = static_cast<int32_t>((needed + wire.count - 1) / wire.count);
      const TF_Output tiled = s.Op("Tile").In(flat).In(s.Const(std::vector<int32_t>{times})).Out();
      return s.Op("Slice")
          .In(tiled)
          .In(s.Const(std::vector<int32_t>{0}))
          .In(s.Const(std::vector<int32_t>{static_cast<int32_t>(needed)}))
          .Out();
    }
  }
  return flat;
}

TF_Output Wired(Scope& s, const Tensors& x, TF_Output source, const Wire& wire, const Arg& to, bool single) {
  const auto needed = ElementCount(to.shape);
  const TF_Output squeezed = s.Op(wire.squeeze).In(Fitted(s, source, wire, needed)).Out();
  const TF_Output shape = wire.shape_arg >= 0
                              ? x[wire.shape_arg]
                              : s.Const(std::vector<int32_t>(to.shape.begin(), to.shape.end()));
  TF_Output y = s.Op("Reshape").In(squeezed).In(shape).Out();
  if (wire.shape_arg >= 0 && !to.static_axes.empty()) {
    Shape known = Shape::Of(std::vector<int64_t>(to.shape.size(), -1));
    for (const int axis : to.static_axes) known.dims[axis] = to.shape[axis];
    y = s.Op("EnsureShape").In(y).AttrShape("shape", known).Out();
  }
  // Values that a case sets have the distances that the case needs, so they are moved only a little.
  const double middle = to.values.empty() ? (to.low + to.high) / 2 : 0;
  const double reach = to.values.empty() ? (to.high - to.low) / 2 : 0.02;
  y = s.Op("Mul").In(y).In(s.Scalar(TF_DOUBLE, reach)).Out();
  const TF_Output centre = to.values.empty() ? s.Scalar(TF_DOUBLE, middle) : Constant(s, to.shape, to.values);
  y = s.Op("AddV2").In(y).In(centre).Out();
  return single ? s.Op("Cast").In(y).AttrType("DstT", TF_FLOAT).Out() : y;
}

Tensors Replay(const Plan& plan, Scope& s, const Tensors& x) {
  Tensors pool(x.begin(), x.begin() + static_cast<int64_t>(plan.inputs));
  for (const Step& step : plan.steps) {
    Tensors inputs;
    for (size_t i = 0; i < step.wires.size(); ++i) {
      const Arg& arg = step.block.args[i];
      if (step.fed_args[i] >= 0) {
        inputs.push_back(x[step.fed_args[i]]);
      } else {
        inputs.push_back(Wired(s, x, pool[step.wires[i].source], step.wires[i], arg, step.block.single));
      }
    }
    for (TF_Output y : step.block.build(s, inputs)) {
      const TF_DataType dtype = Scope::GetDType(y);
      if (!tf::IsFloating(dtype)) continue;
      if (dtype != TF_DOUBLE) y = s.Op("Cast").In(y).AttrType("DstT", TF_DOUBLE).Out();
      pool.push_back(y);
    }
  }
  Tensors ys;
  // TensorFlow refuses to fetch a fed tensor.
  for (const size_t y : plan.ys) ys.push_back(s.Op("Identity").In(pool[y]).Out());
  return ys;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : draw_(seed) {
    for (size_t i = 0; i <= draw_.Below(2); ++i) {
      constexpr int64_t kSizes[] = {1, 2, 3};
      Arg arg;
      for (size_t axes = draw_.Below(4); axes > 0; --axes) arg.shape.push_back(kSizes[draw_.Below(3)]);
      counts_.push_back(ElementCount(arg.shape));
      graph_.test.args.push_back(arg);
    }
    plan_->inputs = counts_.size();
    uses_.resize(counts_.size());
  }

  void Add(const Block& block) {
    graph_.blocks.push_back(block.test.name);
    graph_.test.single_inside = graph_.test.single_inside || IsSingle(block.test);
    Step step{block.test, {}, {}};
    bool first = true;
    for (const Arg& arg : block.test.args) {
      step.fed_args.push_back(-1);
      step.wires.emplace_back();
      if (!IsInput(arg)) {
        step.fed_args.back() = static_cast<int>(graph_.test.args.size());
        graph_.test.args.push_back(arg);
        continue;
      }
      // The blocks form a chain, with some inputs from earlier tensors.
      step.wires.back() = MakeWire(arg, first || draw_.Chance(0.3) ? Latest() : draw_.Below(counts_.size()));
      first = false;
    }
    plan_->steps.push_back(std::move(step));
    latest_ = counts_.size();
    for (const auto& shape : block.shapes) counts_.push_back(ElementCount(shape));
    uses_.resize(counts_.size());
  }

  size_t Below(size_t end) { return draw_.Below(end); }

  RandomGraph Finish() {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (uses_[i] == 0 || draw_.Chance(0.2)) plan_->ys.push_back(i);
    }
    graph_.test.build = [plan = plan_](Scope& s, const Tensors& x) { return Replay(*plan, s, x); };
    return std::move(graph_);
  }

 private:
  // Returns any output of the latest block.
  size_t Latest() { return latest_ + draw_.Below(counts_.size() - latest_); }

  Wire MakeWire(const Arg& to, size_t source) {
    const auto needed = static_cast<size_t>(ElementCount(to.shape));
    Wire wire;
    ++uses_[source];
    wire.source = source;
    wire.count = counts_[source];
    wire.fit = kFits[draw_.Below(std::size(kFits))];
    wire.squeeze = kSqueezes[draw_.Below(std::size(kSqueezes))];
    const auto count = static_cast<size_t>(wire.count);
    if (wire.fit == Fit::kMix) {
      const double size = 1.5 / std::sqrt(static_cast<double>(count));
      for (size_t i = 0; i < count * needed; ++i) wire.weights.push_back(draw_.Real(-size, size));
    }
    if (wire.fit == Fit::kPick) {
      for (size_t i = 0; i < needed; ++i) wire.picks.push_back(static_cast<int32_t>(draw_.Below(count)));
    }
    if (to.shape.empty() || draw_.Chance(0.6)) return wire;
    wire.shape_arg = static_cast<int>(graph_.test.args.size());
    Arg shape = {{static_cast<int64_t>(to.shape.size())}, 0, 0, {}, TF_INT32, {0}};
    shape.values.assign(to.shape.begin(), to.shape.end());
    graph_.test.args.push_back(shape);
    return wire;
  }

  Draw draw_;
  RandomGraph graph_;
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
  std::vector<int64_t> counts_;  // number of elements of each tensor of the pool
  std::vector<int> uses_;
  size_t latest_ = 0;
};

}  // namespace

bool IsSingle(const GradientCase& test) { return test.single || test.step > 1e-3; }

std::vector<Block> RunnableBlocks() {
  std::vector<Block> blocks;
  for (GradientCase& test : AllCases()) {
    try {
      auto shapes = OutputShapes(test);
      blocks.push_back({std::move(test), std::move(shapes)});
    } catch (const tf::Error&) {
      if (!test.needs_onednn) throw;
    }
  }
  return blocks;
}

RandomGraph MakeRandomGraph(uint64_t seed, const std::vector<const Block*>& must,
                            const std::vector<Block>& all) {
  Generator generator(seed);
  std::vector<const Block*> blocks = must;
  for (size_t more = generator.Below(4); more > 0; --more) {
    const auto at = static_cast<int64_t>(generator.Below(blocks.size() + 1));
    const Block& other = all[generator.Below(all.size())];
    if (!IsSingle(other.test)) blocks.insert(blocks.begin() + at, &other);
  }
  for (const Block* block : blocks) generator.Add(*block);
  return generator.Finish();
}

}  // namespace ke::test
