#include "model/bias_terms.h"

#include <algorithm>
#include <string_view>

#include "ir/op_traits.h"
#include "tensorflow/dtype.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

constexpr int kNone = -1;

// Ops that return the values of the first input, possibly in another order, shape or dtype.
bool PassesOn(std::string_view op) { return HasAnyTrait(op, {trait::kKeepsValues, trait::kConverts}); }

bool IsSum(std::string_view op) { return HasTrait(op, trait::kSum); }

int ChannelAxis(const FlatNode& node) {
  const auto format = proto::AttrString(node.Attr("data_format"));
  return format && format->substr(0, 2) == "NC" ? 1 : -1;
}

}  // namespace

BiasFinder::BiasFinder(const FlatGraph& graph, const TensorSpecs& tensors)
    : graph_(graph),
      tensors_(tensors),
      depends_(graph.nodes.size(), 0),
      made_of_weights_(graph.nodes.size(), 0),
      literal_(graph.nodes.size(), 0),
      zero_(graph.nodes.size(), 0),
      preprocessing_(graph.nodes.size(), 0) {
  for (const FlatWeight& weight : graph.weights) made_of_weights_[weight.node] = tf::IsFloating(weight.dtype);
  for (size_t node = 0; node < graph.nodes.size(); ++node) Visit(static_cast<int>(node));
}

// Inputs come before their consumers, so the properties of a node follow from those of its inputs.
void BiasFinder::Visit(int index) {
  const FlatNode& node = graph_.nodes[index];
  if (node.kind == FlatNode::Kind::kInput) {
    depends_[index] = preprocessing_[index] = 1;
    return;
  }
  if (node.kind == FlatNode::Kind::kWeight) return;
  if (node.op == "Const") {
    if (tf::IsFloating(proto::AttrType(node.Attr("dtype")).value_or(TF_INT32))) VisitConstant(index, node);
    return;
  }
  if (HasTrait(node.op, trait::kShapeOnly)) return;
  int dependent = 0;
  for (const TensorId& input : node.inputs) dependent += Depends(input) ? 1 : 0;
  depends_[index] = dependent > 0;
  if (node.inputs.empty()) return;
  const int first = node.inputs[0].node;
  if (dependent == 0) {
    // A setting of a layer may be stored as an integer: Rescaling(offset=-1).
    if (node.op == "Cast" && graph_.nodes[first].op == "Const" &&
        tf::IsFloating(proto::AttrType(node.Attr("DstT")).value_or(TF_INT32))) {
      VisitConstant(index, graph_.nodes[first]);
      return;
    }
    for (const TensorId& input : node.inputs) made_of_weights_[index] |= made_of_weights_[input.node];
    if (PassesOn(node.op) && node.inputs.size() == 1) {
      literal_[index] = literal_[first];
      zero_[index] = zero_[first];
    }
    return;
  }
  if (PassesOn(node.op)) {
    preprocessing_[index] = preprocessing_[first];
  } else if (dependent == 1) {
    const bool either = HasTrait(node.op, trait::kAffine);
    const bool by_constant = HasAnyTrait(node.op, {trait::kQuotient, trait::kBiasAdd});
    if (!either && !(by_constant && Depends(node.inputs[0]))) return;
    for (const TensorId& input : node.inputs) {
      if (Depends(input)) preprocessing_[index] = preprocessing_[input.node];
    }
  }
}

void BiasFinder::VisitConstant(int index, const FlatNode& constant) {
  const auto tensor = proto::AttrTensor(constant.Attr("value"));
  if (!tensor) return;
  zero_[index] = proto::TensorIsZero(*tensor);
  literal_[index] = proto::TensorShape(*tensor).rank() == 0;
  made_of_weights_[index] = literal_[index] == 0;
}

// Returns whether an axis of the sum, other than the samples axis, has size 1.
bool BiasFinder::HasSingle(int node) const {
  const auto spec = tensors_.find(graph_.TensorName({node, 0}));
  if (spec == tensors_.end() || spec->second.shape.rank() < 2) return false;
  const std::vector<int64_t>& dims = spec->second.shape.dims;
  return std::find(dims.begin() + 1, dims.end(), 1) != dims.end();
}

// Returns whether the sum `wide` repeats the sum `narrow`, one of its terms, along an axis.
bool BiasFinder::Repeats(int wide, int narrow) const {
  const auto from = tensors_.find(graph_.TensorName({narrow, 0}));
  const auto to = tensors_.find(graph_.TensorName({wide, 0}));
  if (from == tensors_.end() || to == tensors_.end()) return false;
  const Shape& a = from->second.shape;
  const Shape& b = to->second.shape;
  if (!a.known_rank || a.rank() != b.rank()) return false;
  for (size_t axis = 1; axis < a.dims.size(); ++axis) {
    if (a.dims[axis] == 1 && b.dims[axis] != 1) return true;
  }
  return false;
}

// Per node, the only node of `found` that uses the node, by one input. kNone if there is no such node, if
// there are several, or if the node itself is an output.
std::vector<int> BiasFinder::SoleConsumers(const std::vector<int>& found,
                                           const std::vector<TensorId>& outputs) const {
  std::vector<int> consumer(graph_.nodes.size(), kNone);
  std::vector<char> settled(graph_.nodes.size(), 0);
  for (const TensorId& output : outputs) settled[output.node] = 1;
  for (const int node : found) {
    for (const TensorId& input : graph_.nodes[node].inputs) {
      consumer[input.node] = settled[input.node] != 0 ? kNone : node;
      settled[input.node] = 1;
    }
  }
  return consumer;
}

// Returns the sum that determines where a bias in the sum `node` acts. A normalisation over positions adds
// its offset to a term that is equal at all positions, x * inv + (beta - mean * inv). Only the outer sum has
// the positions.
int BiasFinder::WidestSum(int node, const std::vector<int>& sole_consumer) const {
  for (;;) {
    const int consumer = sole_consumer[node];
    if (consumer == kNone || !IsSum(graph_.nodes[consumer].op) || !Repeats(consumer, node)) return node;
    node = consumer;
  }
}

bool BiasFinder::IsBias(TensorId value, int node) const {
  if (Depends(value) || zero_[value.node] != 0) return false;
  if (made_of_weights_[value.node] != 0) return true;
  // The result of an affine op on preprocessed inputs is preprocessing itself.
  return literal_[value.node] != 0 && preprocessing_[node] != 0;
}

BiasTerm BiasFinder::Term(int node, BiasTerm::Kind kind, const std::vector<TensorId>& operands) const {
  BiasTerm term;
  term.tensor = graph_.TensorName({node, 0});
  term.kind = kind;
  for (const TensorId& operand : operands) term.operands.push_back(graph_.TensorName(operand));
  return term;
}

void BiasFinder::AddTerms(int index, std::vector<BiasTerm>* terms) const {
  const FlatNode& node = graph_.nodes[index];
  const std::vector<TensorId>& in = node.inputs;
  if (HasTrait(node.op, trait::kBiasAdd) && in.size() == 2) {
    if (!Depends(in[0]) || !IsBias(in[1], index)) return;
    terms->push_back(Term(index, BiasTerm::Kind::kAdd, {in[1]}));
    terms->back().axis = ChannelAxis(node);
  } else if (IsSum(node.op) || node.op == "AddN") {
    for (const TensorId& input : in) {
      if (IsBias(input, index)) terms->push_back(Term(index, BiasTerm::Kind::kAdd, {input}));
    }
  } else if (node.op == "Sub" && in.size() == 2) {
    if (IsBias(in[0], index)) terms->push_back(Term(index, BiasTerm::Kind::kAdd, {in[0]}));
    if (IsBias(in[1], index)) terms->push_back(Term(index, BiasTerm::Kind::kSubtract, {in[1]}));
  } else if (HasTrait(node.op, trait::kBatchNorm) && in.size() == 5 && Depends(in[0])) {
    // TensorFlow omits an attribute that has its default.
    const bool is_training = proto::AttrBool(node.Attr("is_training")).value_or(true);
    if (is_training) {
      if (!IsBias(in[2], index)) return;
      terms->push_back(Term(index, BiasTerm::Kind::kAdd, {in[2]}));
    } else {
      const bool fixed =
          std::none_of(in.begin() + 1, in.end(), [&](TensorId input) { return Depends(input); });
      const bool made = std::any_of(in.begin() + 1, in.end(),
                                    [&](TensorId input) { return made_of_weights_[input.node] != 0; });
      if (!fixed || !made) return;
      terms->push_back(Term(index, BiasTerm::Kind::kBatchNorm, {in[1], in[2], in[3], in[4]}));
      terms->back().epsilon = proto::AttrFloat(node.Attr("epsilon")).value_or(0.0001f);
    }
    terms->back().axis = ChannelAxis(node);
  }
}

std::vector<BiasTerm> BiasFinder::Find(const std::vector<TensorId>& outputs,
                                       const std::set<TensorId>& within) const {
  std::vector<char> reached(graph_.nodes.size(), 0);
  std::vector<int> waiting;
  const auto reach = [&](TensorId tensor) {
    if (!Depends(tensor) || reached[tensor.node] != 0 || within.count(tensor) > 0) return;
    reached[tensor.node] = 1;
    waiting.push_back(tensor.node);
  };
  std::vector<int> found;
  for (const TensorId& output : outputs) reach(output);
  while (!waiting.empty()) {
    const int node = waiting.back();
    waiting.pop_back();
    found.push_back(node);
    for (const TensorId& input : graph_.nodes[node].inputs) reach(input);
  }
  std::sort(found.begin(), found.end());
  const std::vector<int> sole_consumer = SoleConsumers(found, outputs);
  std::vector<BiasTerm> terms;
  for (const int node : found) {
    const size_t before = terms.size();
    AddTerms(node, &terms);
    if (terms.size() == before || terms.back().kind == BiasTerm::Kind::kBatchNorm || !HasSingle(node))
      continue;
    const int widest = WidestSum(node, sole_consumer);
    for (size_t i = before; i < terms.size(); ++i) terms[i].tensor = graph_.TensorName({widest, 0});
  }
  return terms;
}

}  // namespace ke::graph
