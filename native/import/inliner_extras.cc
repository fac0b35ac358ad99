// Custom gradients and lookup tables of a SavedModel.
#include <algorithm>
#include <string>

#include "import/inliner.h"
#include "wire/write_tensor.h"

namespace ke::graph {

const CustomGradients::Use* Inliner::Gradient(const Source& at) {
  return extras_.gradients == nullptr ? nullptr : extras_.gradients->Find(at);
}

bool Inliner::IsWithin(const CustomGradients::Use& custom) const {
  return std::all_of(custom.captured.begin(), custom.captured.end(), [&](const Source& captured) {
    return IsVariable(captured) || tree_.call(captured.call).body == body_;
  });
}

int Inliner::TableLookup(const Source& at) {
  if (extras_.tables == nullptr) {
    throw tf::Error(TF_UNIMPLEMENTED, "'" + Name(at) + "' reads a lookup table in a gradient", Name(at));
  }
  const LookupTable& table = extras_.tables->Get(at);
  const AddLookupOp add = [&](std::string name, std::string op, std::vector<TensorId> inputs,
                              std::vector<std::pair<std::string, std::string>> attrs) {
    return Placed(builder_.AddOp(std::move(name), std::move(op), std::move(inputs), std::move(attrs)),
                  {at.call, at.node});
  };
  if (tree_.Node(at).op == "LookupTableSizeV2") {
    return add(Name(at), "Const", {},
               {{"dtype", TypeAttr(TF_INT64)}, {"value", IntTensorAttr(TF_INT64, {}, {table.size()})}})
        .node;
  }
  if (tree_.Node(at).inputs.size() != 3) {
    throw tf::Error(TF_DATA_LOSS, "'" + Name(at) + "' needs a table, keys and a default value", Name(at));
  }
  auto known = tables_.find(&table);
  if (known == tables_.end()) known = tables_.emplace(&table, AddTable(add, Name(at), table)).first;
  return AddLookup(add, Name(at), known->second, Lookup(tree_.Input(at, 1)), Lookup(tree_.Input(at, 2))).node;
}

void Inliner::Attach(const CustomGradients::Use& custom, FlatNode* node) {
  if (!IsWithin(custom)) {
    CustomGradient refused;
    refused.refusal = "the gradient reads a tensor from outside a loop or a branch";
    for (auto& attr : AttrsOf(refused)) node->attrs.push_back(std::move(attr));
    return;
  }
  std::vector<TF_DataType> dtypes = proto::AttrTypes(node->Attr("T"));
  for (auto& attr : AttrsOf(*custom.gradient)) node->attrs.push_back(std::move(attr));
  for (size_t i = 0; i < custom.captured.size(); ++i) {
    const Source& captured = custom.captured[i];
    if (IsVariable(captured)) {
      const int weight = root_.Weight(captured);
      node->inputs.push_back(Value(weight));
      dtypes.push_back(root_.graph_.weights[weight].dtype);
    } else {
      node->inputs.push_back(Lookup(captured));
      dtypes.push_back(custom.gradient->captured[i]);
    }
  }
  for (auto& [name, value] : node->attrs) {
    if (name == "T") value = TypesAttr(dtypes);
  }
}

}  // namespace ke::graph
