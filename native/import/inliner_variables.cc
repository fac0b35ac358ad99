// The variables that the model reads become weights.
#include <string>

#include "import/inliner.h"
#include "ir/op_traits.h"

namespace ke::graph {

int Inliner::Variable(const Source& reader) {
  if (tree_.Node(reader).inputs.empty()) {
    throw tf::Error(TF_DATA_LOSS, "'" + Name(reader) + "' reads no variable", Name(reader));
  }
  Source handle = tree_.Input(reader, 0);
  for (int hops = 0; hops < 1000; ++hops) {
    if (handle.IsArgument()) break;
    const std::string_view op = tree_.Node(handle).op;
    if (op != "Identity" && !IsSwitch(op)) break;
    if (tree_.Node(handle).inputs.empty()) break;
    handle = tree_.Input(handle, 0);
  }
  if (handle.IsArgument()) {
    throw tf::Error(
        TF_DATA_LOSS,
        "'" + Name(reader) + "' reads a variable, but its input '" + Name(handle) + "' is no resource",
        Name(reader));
  }
  if (tree_.Node(handle).op != "VarHandleOp") {
    throw tf::Error(TF_UNIMPLEMENTED,
                    "'" + Name(reader) + "' reads a resource that is no variable of the model ('" +
                        Name(handle) + "' of op " + std::string(tree_.Node(handle).op) + ")",
                    Name(reader));
  }
  const int weight = root_.Weight(handle);
  root_.graph_.weights[weight].readers.push_back(Name(reader));
  return weight;
}

int Inliner::Weight(const Source& handle) {
  const Place place{handle.call, handle.node};
  const auto known = weights_.find(place);
  if (known != weights_.end()) return known->second;
  const auto dtype = proto::AttrType(tree_.Attr(handle.call, handle.node, "dtype"));
  const auto shape = proto::AttrShape(tree_.Attr(handle.call, handle.node, "shape"));
  if (!dtype || !shape) {
    throw tf::Error(TF_DATA_LOSS, "variable '" + Name(handle) + "' has no dtype or shape", Name(handle));
  }
  CheckShape(*shape, "variable '" + Name(handle) + "'", Name(handle));
  const int weight = builder_.AddWeight(Name(handle), *dtype, *shape);
  Placed({graph_.weights[weight].node, 0}, place);
  weights_[place] = weight;
  variables_.push_back({handle, weight});
  return weight;
}

int Inliner::Gather(const Source& at) {
  const proto::NodeDef& def = tree_.Node(at);
  if (def.inputs.size() != 2) {
    throw tf::Error(TF_DATA_LOSS, "'" + Name(at) + "' needs a variable and indices", Name(at));
  }
  const Place place{at.call, at.node};
  const int weight = Variable(at);
  const TF_DataType dtype = root_.graph_.weights[weight].dtype;
  std::vector<TensorId> inputs = {Value(weight), Lookup(tree_.Input(at, 1))};
  std::vector<std::pair<std::string, std::string>> attrs = {
      {"Tparams", TypeAttr(dtype)}, {"Tindices", std::string(tree_.Attr(at.call, at.node, "Tindices"))}};
  const bool nd = def.op == "ResourceGatherNd";
  if (!nd) {
    inputs.push_back(Placed(builder_.AddInt32(Name(at) + "/axis", 0), place));
    attrs.emplace_back("Taxis", TypeAttr(TF_INT32));
    const proto::Bytes batch_dims = tree_.Attr(at.call, at.node, "batch_dims");
    if (!batch_dims.empty()) attrs.emplace_back("batch_dims", std::string(batch_dims));
  }
  return Placed(builder_.AddOp(Name(at), nd ? "GatherNd" : "GatherV2", std::move(inputs), std::move(attrs)),
                place)
      .node;
}

int Inliner::VariableShape(const Source& at) {
  const int weight = Variable(at);
  std::vector<std::pair<std::string, std::string>> attrs = {
      {"T", TypeAttr(root_.graph_.weights[weight].dtype)}};
  const proto::Bytes out_type = tree_.Attr(at.call, at.node, "out_type");
  if (!out_type.empty()) attrs.emplace_back("out_type", std::string(out_type));
  return Placed(builder_.AddOp(Name(at), "Shape", {Value(weight)}, std::move(attrs)), {at.call, at.node})
      .node;
}

TensorSpec Inliner::SpecOf(int weight) const {
  if (weight == kRunSeed) return {"seed", TF_INT32, Shape::Of({})};
  const FlatWeight& of = root_.graph_.weights[weight];
  return {of.name, of.dtype, of.shape};
}

TensorId Inliner::Value(int weight) {
  if (&root_ == this) {
    if (weight != kRunSeed) return {graph_.weights[weight].node, 0};
    if (!seed_) seed_ = Placed(builder_.AddSeed(), {-1, -1});
    return *seed_;
  }
  const auto known = captured_.find(weight);
  if (known != captured_.end()) return known->second;
  const TensorSpec spec = SpecOf(weight);
  return captured_[weight] = Placed(builder_.AddInput(spec.name, spec), {-1, -1});
}

}  // namespace ke::graph
