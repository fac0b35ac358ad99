#include "graph/checkpoint.h"

#include "graph/file.h"
#include "graph/proto.h"

namespace ke::graph {

using tf::C;

namespace {

std::string ToText(const Shape& shape) {
  if (!shape.known_rank) return "(?)";
  std::string text = "(";
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    text += (i > 0 ? ", " : "") + (shape.dims[i] < 0 ? std::string("?") : std::to_string(shape.dims[i]));
  }
  return text + ")";
}

bool Matches(const Shape& expected, const std::vector<int64_t>& dims) {
  if (!expected.known_rank) return true;
  if (expected.dims.size() != dims.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (expected.dims[i] >= 0 && expected.dims[i] != dims[i]) return false;
  }
  return true;
}

// The key that `value` (the assigned tensor) is restored from, empty where it does not come from a
// checkpoint.
std::string RestoredKey(CallTree* tree, Source value) {
  for (int hops = 0; hops < 16; ++hops) {
    const proto::NodeDef& node = tree->Node(value);
    if (node.inputs.empty()) return {};
    if (node.op == "Identity" || node.op == "Cast") {
      value = tree->Input(value, 0);
      continue;
    }
    if (node.op != "RestoreV2" || node.inputs.size() < 3) return {};
    const auto strings = [&](size_t input) {
      const Source source = tree->Input(value, input);
      const auto tensor = proto::AttrTensor(tree->Attr(source.call, source.node, "value"));
      return tensor ? proto::TensorStrings(*tensor) : std::vector<std::string_view>();
    };
    const auto keys = strings(1);
    const auto slices = strings(2);
    const auto index = static_cast<size_t>(value.output);
    if (index >= keys.size()) return {};
    if (index < slices.size() && !slices[index].empty()) {
      throw tf::Error(TF_UNIMPLEMENTED, "variable '" + std::string(keys[index]) +
                                            "' is stored in slices (partitioned), which is not supported");
    }
    return std::string(keys[index]);
  }
  return {};
}

}  // namespace

std::map<std::pair<int, int>, std::string> FindRestoredKeys(CallTree* tree, std::string_view restore_op) {
  std::map<std::pair<int, int>, std::string> keys;
  std::vector<int> calls = {0};
  const std::string_view restore_node = restore_op.substr(0, restore_op.find(':'));
  for (size_t c = 0; c < calls.size(); ++c) {
    const int call = calls[c];
    for (size_t i = 0; i < tree->Nodes(call).size(); ++i) {
      const int node = static_cast<int>(i);
      const proto::NodeDef& def = tree->Nodes(call)[i];
      // At the top level stand calls of everything else too (saving, serving): only the restore call is
      // entered.
      if ((call != 0 || def.name == restore_node) && tree->IsCall(call, node)) {
        calls.push_back(tree->Expand(call, node));
      }
      if (def.op != "AssignVariableOp" || def.inputs.size() < 2) continue;
      const Source variable = tree->Input({call, node, 0}, 0);
      if (tree->Node(variable).op != "VarHandleOp") continue;
      std::string key = RestoredKey(tree, tree->Input({call, node, 0}, 1));
      if (!key.empty()) keys[{variable.call, variable.node}] = std::move(key);
    }
  }
  return keys;
}

TF_CheckpointReader* Checkpoint::Reader(const std::string& variable) {
  if (reader_ != nullptr) return reader_.get();
  const std::string index = prefix_ + ".index";
  if (!IsFile(index)) {
    throw tf::Error(TF_NOT_FOUND, "the model's variables are missing: there is no file " + index +
                                      " (needed for variable '" + variable + "')");
  }
  tf::Status status;
  tf::CheckpointReaderPtr reader(C().TF_NewCheckpointReader(prefix_.c_str(), status));
  if (!status.ok()) {
    throw tf::Error(TF_DATA_LOSS, "the model's variables cannot be read: " + index +
                                      " is truncated or damaged: " + status.message() +
                                      " (needed for variable '" + variable + "')");
  }
  reader_ = std::move(reader);
  return reader_.get();
}

tf::TensorPtr Checkpoint::Read(const std::string& key, const FlatWeight& weight) {
  TF_CheckpointReader* reader = Reader(weight.name);
  const std::string where = "variable '" + weight.name + "' (key '" + key + "' of " + prefix_ + ")";
  if (C().TF_CheckpointReaderHasTensor(reader, key.c_str()) == 0) {
    throw tf::Error(TF_NOT_FOUND, where + " is not in the checkpoint", weight.name);
  }
  const TF_DataType dtype = C().TF_CheckpointReaderGetVariableDataType(reader, key.c_str());
  const int rank = C().TF_CheckpointReaderGetVariableNumDims(reader, key.c_str());
  std::vector<int64_t> dims(rank > 0 ? rank : 0);
  tf::Status shape_status;
  C().TF_CheckpointReaderGetVariableShape(reader, key.c_str(), dims.data(), rank, shape_status);
  shape_status.Check(weight.name);
  if (dtype != weight.dtype || !Matches(weight.shape, dims)) {
    throw tf::Error(TF_DATA_LOSS,
                    where + " does not fit the graph: expected dtype " + std::to_string(weight.dtype) +
                        " and shape " + ToText(weight.shape) + ", found dtype " + std::to_string(dtype) +
                        " and shape " + ToText(Shape::Of(dims)),
                    weight.name);
  }
  // TensorFlow reads into memory that it did not get, and tells of a file with a bad address.
  if (dtype != TF_STRING) tf::AllocateTensor(dtype, dims);
  tf::Status status;
  tf::TensorPtr value(C().TF_CheckpointReaderGetTensor(reader, key.c_str(), status));
  if (!status.ok()) {
    const TF_Code code = status.code() == TF_NOT_FOUND ? TF_NOT_FOUND : TF_DATA_LOSS;
    throw tf::Error(code,
                    where + " cannot be read; a file is missing, truncated or damaged: " + status.message(),
                    weight.name);
  }
  return value;
}

std::vector<std::string> Checkpoint::ObjectKeys() {
  constexpr const char* kObjectGraph = "_CHECKPOINTABLE_OBJECT_GRAPH";
  TF_CheckpointReader* reader = Reader(kObjectGraph);
  if (C().TF_CheckpointReaderHasTensor(reader, kObjectGraph) == 0) return {};
  tf::Status status;
  const tf::TensorPtr tensor(C().TF_CheckpointReaderGetTensor(reader, kObjectGraph, status));
  if (!status.ok() || C().TF_TensorType(tensor.get()) != TF_STRING ||
      C().TF_TensorElementCount(tensor.get()) != 1) {
    return {};
  }
  const auto* text = static_cast<const TF_TString*>(C().TF_TensorData(tensor.get()));
  return proto::ReadCheckpointKeys({C().TF_StringGetDataPointer(text), C().TF_StringGetSize(text)},
                                   "the object graph of " + prefix_);
}

}  // namespace ke::graph
