#include "wire/proto.h"

#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/field_numbers.h"
#include "wire/find_last.h"
#include "wire/object_graph.h"
#include "wire/read_fields.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;

template <typename Parse>
auto Guard(const std::string& what, Parse parse) {
  try {
    return parse();
  } catch (const protozero::exception& error) {
    throw tf::Error(TF_DATA_LOSS, what + " is truncated or damaged: " + error.what());
  }
}

// The items of one graph or function.
Allowance Items() { return {bounds::kItems, "nodes, inputs and attributes (a node counts as 4)"}; }

NodeDef ParseNode(Bytes bytes, Allowance* items) {
  NodeDef node;
  items->Take(bounds::kItemsOfNode, "the graph");
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::node_def::kName:
        node.name = ReadBytes(reader);
        break;
      case fields::node_def::kOp:
        node.op = ReadBytes(reader);
        break;
      case fields::node_def::kInput: {
        const std::string_view input = ReadBytes(reader);
        items->Take(1, "the graph", node.name);
        if (!input.empty() && input[0] == '^') {
          node.controls.push_back(input.substr(1));
        } else {
          node.inputs.push_back(input);
        }
        break;
      }
      case fields::node_def::kAttr:
        items->Take(1, "the graph", node.name);
        node.attrs.push_back(ReadEntry(ReadBytes(reader)));
        break;
      default:
        reader.skip();
    }
  });
  return node;
}

ArgDef ParseArg(Bytes bytes) {
  ArgDef arg;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::arg_def::kName:
        arg.name = ReadBytes(reader);
        break;
      case fields::arg_def::kType:
        arg.type = static_cast<TF_DataType>(ReadInt(reader));
        arg.has_type = static_cast<int>(arg.type) != 0;
        break;
      case fields::arg_def::kTypeAttr:
        arg.type_attr = ReadBytes(reader);
        break;
      case fields::arg_def::kNumberAttr:
        arg.number_attr = ReadBytes(reader);
        break;
      case fields::arg_def::kTypeListAttr:
        arg.type_list_attr = ReadBytes(reader);
        break;
      default:
        reader.skip();
    }
  });
  return arg;
}

OpDef ParseOp(Bytes bytes) {
  OpDef op;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::op_def::kName:
        op.name = ReadBytes(reader);
        break;
      case fields::op_def::kInput:
        op.inputs.push_back(ParseArg(ReadBytes(reader)));
        break;
      case fields::op_def::kOutput:
        op.outputs.push_back(ParseArg(ReadBytes(reader)));
        break;
      case fields::op_def::kAttr: {
        std::string_view name;
        std::string_view type;
        ForEachField(ReadBytes(reader), [&](pbf_reader& attr) {
          if (attr.tag() == fields::attr_def::kName) {
            name = ReadBytes(attr);
          } else if (attr.tag() == fields::attr_def::kType) {
            type = ReadBytes(attr);
          } else {
            attr.skip();
          }
        });
        if (type == "func" || type == "list(func)") op.function_attrs.push_back(name);
        break;
      }
      case fields::op_def::kIsStateful:
        op.is_stateful = ReadInt(reader) != 0;
        break;
      default:
        reader.skip();
    }
  });
  return op;
}

GraphDef ParseGraph(Bytes bytes) {
  GraphDef graph;
  Allowance items = Items();
  const auto read_function = [&](Bytes function) {
    // Reads only the name. Bodies are read when they are called.
    std::string_view name;
    ForEachField(function, [&](pbf_reader& reader) {
      if (reader.tag() != fields::function_def::kSignature) return reader.skip();
      ForEachField(ReadBytes(reader), [&](pbf_reader& signature) {
        if (signature.tag() != fields::op_def::kName) return signature.skip();
        name = ReadBytes(signature);
      });
    });
    graph.functions[name] = function;
  };
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::graph_def::kNode:
        graph.nodes.push_back(ParseNode(ReadBytes(reader), &items));
        break;
      case fields::graph_def::kLibrary:
        ForEachField(ReadBytes(reader), [&](pbf_reader& library) {
          switch (library.tag()) {
            case fields::function_library::kFunction:
              return read_function(ReadBytes(library));
            case fields::function_library::kRegisteredGradient: {
              const auto [function, op_type] = ReadTexts(ReadBytes(library));
              graph.gradients[op_type] = function;
              return;
            }
            default:
              library.skip();
          }
        });
        break;
      case fields::graph_def::kVersions:
        graph.versions = ReadBytes(reader);
        break;
      default:
        reader.skip();
    }
  });
  return graph;
}

TensorInfo ParseTensorInfo(Bytes bytes) {
  TensorInfo info;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::tensor_info::kName:
        info.name = ReadBytes(reader);
        break;
      case fields::tensor_info::kDType:
        info.dtype = static_cast<TF_DataType>(ReadInt(reader));
        break;
      case fields::tensor_info::kShape:
        info.shape = ReadShape(ReadBytes(reader));
        break;
      default:
        reader.skip();
    }
  });
  return info;
}

SignatureDef ParseSignature(Bytes bytes) {
  SignatureDef signature;
  ForEachField(bytes, [&](pbf_reader& reader) {
    const bool is_input = reader.tag() == fields::signature_def::kInput;
    if (!is_input && reader.tag() != fields::signature_def::kOutput) return reader.skip();
    auto& side = is_input ? signature.inputs : signature.outputs;
    const auto [key, info] = ReadEntry(ReadBytes(reader));
    side[key] = ParseTensorInfo(info);
  });
  return signature;
}

std::vector<std::string_view> ParseTags(Bytes meta_info) {
  std::vector<std::string_view> tags;
  ForEachField(meta_info, [&](pbf_reader& reader) {
    if (reader.tag() != fields::meta_info::kTag) return reader.skip();
    tags.push_back(ReadBytes(reader));
  });
  return tags;
}

}  // namespace

Bytes NodeDef::Attr(std::string_view attr) const { return FindLast(attrs, attr).value_or(Bytes()); }

std::vector<Bytes> ReadSavedModel(Bytes bytes, const std::string& what) {
  return Guard(what, [&] {
    std::vector<Bytes> meta_graphs;
    ForEachField(bytes, [&](pbf_reader& reader) {
      if (reader.tag() != fields::saved_model::kMetaGraph) return reader.skip();
      meta_graphs.push_back(ReadBytes(reader));
    });
    return meta_graphs;
  });
}

std::vector<std::string_view> ReadTags(Bytes meta_graph, const std::string& what) {
  return Guard(what, [&] {
    std::vector<std::string_view> tags;
    ForEachField(meta_graph, [&](pbf_reader& reader) {
      if (reader.tag() != fields::meta_graph::kMetaInfo) return reader.skip();
      tags = ParseTags(ReadBytes(reader));
    });
    return tags;
  });
}

MetaGraphDef ReadMetaGraph(Bytes bytes, const std::string& what) {
  return Guard(what, [&] {
    MetaGraphDef meta;
    ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case fields::meta_graph::kMetaInfo:
          meta.tags = ParseTags(ReadBytes(reader));
          break;
        case fields::meta_graph::kGraph:
          meta.graph = ParseGraph(ReadBytes(reader));
          break;
        case fields::meta_graph::kSaver:
          ForEachField(ReadBytes(reader), [&](pbf_reader& saver) {
            if (saver.tag() != fields::saver_def::kRestoreOpName) return saver.skip();
            meta.restore_op_name = ReadBytes(saver);
          });
          break;
        case fields::meta_graph::kSignature: {
          const auto [key, signature] = ReadEntry(ReadBytes(reader));
          meta.signatures[key] = ParseSignature(signature);
          break;
        }
        case fields::meta_graph::kObjectGraph:
          meta.objects = ParseObjects(ReadBytes(reader));
          break;
        default:
          reader.skip();
      }
    });
    return meta;
  });
}

GraphDef ReadGraph(Bytes bytes, const std::string& what) {
  return Guard(what, [&] { return ParseGraph(bytes); });
}

FunctionDef ReadFunction(Bytes bytes, const std::string& what) {
  return Guard(what, [&] {
    FunctionDef function;
    Allowance items = Items();
    ForEachField(bytes, [&](pbf_reader& reader) {
      switch (reader.tag()) {
        case fields::function_def::kSignature:
          function.signature = ParseOp(ReadBytes(reader));
          break;
        case fields::function_def::kNode:
          function.nodes.push_back(ParseNode(ReadBytes(reader), &items));
          break;
        case fields::function_def::kResult: {
          const auto [output, tensor] = ReadEntry(ReadBytes(reader));
          function.results[output] = tensor;
          break;
        }
        default:
          reader.skip();
      }
    });
    return function;
  });
}

OpDef ReadOp(Bytes bytes, const std::string& what) {
  return Guard(what, [&] { return ParseOp(bytes); });
}

std::vector<KerasObject> ReadKerasMetadata(Bytes bytes, const std::string& what) {
  return Guard(what, [&] {
    std::vector<KerasObject> objects;
    ForEachField(bytes, [&](pbf_reader& reader) {
      if (reader.tag() != fields::keras_metadata::kNode) return reader.skip();
      KerasObject object;
      ForEachField(ReadBytes(reader), [&](pbf_reader& field) {
        switch (field.tag()) {
          case fields::keras_object::kPath:
            object.path = ReadBytes(field);
            break;
          case fields::keras_object::kIdentifier:
            object.identifier = ReadBytes(field);
            break;
          case fields::keras_object::kMetadata:
            object.metadata = ReadBytes(field);
            break;
          default:
            field.skip();
        }
      });
      objects.push_back(object);
    });
    return objects;
  });
}

std::vector<std::string> ReadCheckpointKeys(Bytes bytes, const std::string& what) {
  return Guard(what, [&] {
    std::vector<std::string> keys;
    ForEachField(bytes, [&](pbf_reader& reader) {
      if (reader.tag() != fields::checkpoint_graph::kNode) return reader.skip();
      std::string key;
      ForEachField(ReadBytes(reader), [&](pbf_reader& object) {
        if (object.tag() != fields::checkpoint_object::kAttribute) return object.skip();
        ForEachField(ReadBytes(object), [&](pbf_reader& attribute) {
          if (attribute.tag() != fields::checkpoint_attribute::kKey) return attribute.skip();
          key = ReadBytes(attribute);
        });
      });
      keys.push_back(key);
    });
    return keys;
  });
}

}  // namespace ke::graph::proto
