#include "import/model_record.h"

#include <algorithm>

#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/read_fields.h"
#include "wire/write_proto.h"

namespace ke::graph {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;

// The messages of a record. A number is never used for another meaning: files stay readable.
namespace record {
enum : uint32_t { kInput = 1, kOutput = 2, kWeight = 3, kLayer = 4, kWarning = 5, kSeed = 6 };
}
namespace tensor {
enum : uint32_t { kName = 1, kTensor = 2, kShape = 3 };
}
namespace weight {
enum : uint32_t { kName = 1, kNode = 2 };
}
namespace layer {
enum : uint32_t { kPath = 1, kType = 2, kCall = 3, kWeight = 4 };
}
namespace call {
enum : uint32_t { kInput = 1, kOutput = 2 };
}

constexpr const char* kRecord = "the record of the model's layers";

void Write(const ModelRecord::Tensor& from, uint32_t field, pbf_writer* parent) {
  pbf_writer to(*parent, field);
  to.add_string(tensor::kName, from.name);
  to.add_string(tensor::kTensor, from.tensor);
  to.add_message(tensor::kShape, WriteShape(from.shape));
}

void Write(const LayerRecord& from, pbf_writer* parent) {
  pbf_writer to(*parent, record::kLayer);
  for (const std::string& name : from.path) to.add_string(layer::kPath, name);
  to.add_string(layer::kType, from.type);
  for (const LayerCall& each : from.calls) {
    pbf_writer tensors(to, layer::kCall);
    for (const std::string& input : each.inputs) tensors.add_string(call::kInput, input);
    for (const std::string& output : each.outputs) tensors.add_string(call::kOutput, output);
  }
  for (const std::string& name : from.weights) to.add_string(layer::kWeight, name);
}

// Reads a record whose parts all count against one allowance.
class Reader {
 public:
  ModelRecord Read(proto::Bytes bytes) {
    ModelRecord found;
    proto::ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case record::kInput:
          found.inputs.push_back(ReadTensor(proto::ReadBytes(reader)));
          break;
        case record::kOutput:
          found.outputs.push_back(ReadTensor(proto::ReadBytes(reader)));
          break;
        case record::kWeight: {
          static_assert(weight::kName == fields::map_entry::kKey);
          static_assert(weight::kNode == fields::map_entry::kValue);
          const auto [name, node] = proto::ReadEntry(proto::ReadBytes(reader));
          found.weights.push_back({Text(name), Text(node)});
          break;
        }
        case record::kLayer:
          found.layers.push_back(ReadLayer(proto::ReadBytes(reader)));
          break;
        case record::kWarning:
          found.warnings.push_back(Text(proto::ReadBytes(reader)));
          break;
        case record::kSeed:
          found.seed = Text(proto::ReadBytes(reader));
          break;
        default:
          reader.skip();
      }
    });
    return found;
  }

 private:
  std::string Text(proto::Bytes bytes) {
    texts_left_.Take(1, kRecord);
    return std::string(bytes);
  }

  ModelRecord::Tensor ReadTensor(proto::Bytes bytes) {
    ModelRecord::Tensor found;
    proto::ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case tensor::kName:
          found.name = Text(proto::ReadBytes(reader));
          break;
        case tensor::kTensor:
          found.tensor = Text(proto::ReadBytes(reader));
          break;
        case tensor::kShape:
          found.shape = proto::ReadShape(proto::ReadBytes(reader));
          CheckShape(found.shape, kRecord);
          break;
        default:
          reader.skip();
      }
    });
    return found;
  }

  LayerRecord ReadLayer(proto::Bytes bytes) {
    LayerRecord found;
    proto::ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case layer::kPath:
          found.path.push_back(Text(proto::ReadBytes(reader)));
          break;
        case layer::kType:
          found.type = Text(proto::ReadBytes(reader));
          break;
        case layer::kCall:
          found.calls.push_back(ReadCall(proto::ReadBytes(reader)));
          break;
        case layer::kWeight:
          found.weights.push_back(Text(proto::ReadBytes(reader)));
          break;
        default:
          reader.skip();
      }
    });
    if (found.path.empty() || std::ssize(found.path) > bounds::kLayerDepth) {
      throw tf::Error(TF_DATA_LOSS, std::string(kRecord) + " is damaged: a layer has " +
                                        std::to_string(found.path.size()) + " names in its path");
    }
    found.name = found.path.back();
    return found;
  }

  LayerCall ReadCall(proto::Bytes bytes) {
    LayerCall found;
    texts_left_.Take(1, kRecord);
    proto::ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case call::kInput:
          found.inputs.push_back(Text(proto::ReadBytes(reader)));
          break;
        case call::kOutput:
          found.outputs.push_back(Text(proto::ReadBytes(reader)));
          break;
        default:
          reader.skip();
      }
    });
    return found;
  }

  Allowance texts_left_{bounds::kItems, "names and calls"};
};

}  // namespace

std::string RecordAttr(const ModelRecord& record) {
  std::string bytes;
  pbf_writer writer(bytes);
  for (const ModelRecord::Tensor& input : record.inputs) Write(input, record::kInput, &writer);
  for (const ModelRecord::Tensor& output : record.outputs) Write(output, record::kOutput, &writer);
  for (const ModelRecord::Weight& each : record.weights) {
    pbf_writer entry(writer, record::kWeight);
    entry.add_string(weight::kName, each.name);
    entry.add_string(weight::kNode, each.node);
  }
  for (const LayerRecord& each : record.layers) Write(each, &writer);
  for (const std::string& warning : record.warnings) writer.add_string(record::kWarning, warning);
  if (!record.seed.empty()) writer.add_string(record::kSeed, record.seed);
  return StringAttr(bytes);
}

std::optional<ModelRecord> FindRecord(const proto::GraphDef& graph) {
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const proto::NodeDef& each) {
    return each.op == "NoOp" && !each.Attr(kModelRecord).empty();
  });
  if (node == graph.nodes.end()) return std::nullopt;
  try {
    return Reader().Read(proto::AttrString(node->Attr(kModelRecord)).value_or(proto::Bytes()));
  } catch (const protozero::exception& error) {
    throw tf::Error(TF_DATA_LOSS, std::string(kRecord) + " is damaged: " + error.what());
  }
}

}  // namespace ke::graph
