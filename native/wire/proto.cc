#include "wire/proto.h"

#include <cstring>
#include <functional>

#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/find_last.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// A field has an unexpected wire type. protozero only asserts the wire type, and the content of a file must
// not abort the process.
struct WrongWireType : protozero::exception {
  const char* what() const noexcept override { return "a field has an unexpected type"; }
};

Bytes ReadBytes(pbf_reader& reader) {
  if (reader.wire_type() != pbf_wire_type::length_delimited) throw WrongWireType();
  const protozero::data_view view = reader.get_view();
  return {view.data(), view.size()};
}

int64_t ReadInt(pbf_reader& reader) {
  if (reader.wire_type() != pbf_wire_type::varint) throw WrongWireType();
  return reader.get_int64();
}

// Calls visit(reader) for each field. `visit` must read or skip the field.
template <typename Visit>
void ForEachField(Bytes bytes, Visit visit) {
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) visit(reader);
}

// Reads one entry of a map<string, message or string>.
std::pair<std::string_view, Bytes> ReadEntry(Bytes bytes) {
  std::pair<std::string_view, Bytes> entry;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1:
        entry.first = ReadBytes(reader);
        break;
      case 2:
        entry.second = ReadBytes(reader);
        break;
      default:
        reader.skip();
    }
  });
  return entry;
}

// Appends integers, packed or not, to `values`.
template <typename T>
void ReadInts(pbf_reader& reader, std::vector<T>* values) {
  if (reader.wire_type() == pbf_wire_type::varint) {
    values->push_back(static_cast<T>(reader.get_int64()));
    return;
  }
  if (reader.wire_type() != pbf_wire_type::length_delimited) throw WrongWireType();
  for (const int64_t value : reader.get_packed_int64()) values->push_back(static_cast<T>(value));
}

template <typename Parse>
auto Guard(const std::string& what, Parse parse) {
  try {
    return parse();
  } catch (const protozero::exception& error) {
    throw tf::Error(TF_DATA_LOSS, what + " is truncated or damaged: " + error.what());
  }
}

Shape ParseShape(Bytes bytes) {
  Shape shape = Shape::Of({});
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 2: {
        int64_t size = 0;
        ForEachField(ReadBytes(reader), [&](pbf_reader& dim) {
          if (dim.tag() == 1) {
            size = ReadInt(dim);
          } else {
            dim.skip();
          }
        });
        shape.dims.push_back(size);
        break;
      }
      case 3:
        if (ReadInt(reader) != 0) shape.known_rank = false;
        break;
      default:
        reader.skip();
    }
  });
  if (!shape.known_rank) shape.dims.clear();
  return shape;
}

// What is read of one graph or function.
Allowance Items() { return {bounds::kItems, "nodes, inputs and attributes (a node counts as 4)"}; }

NodeDef ParseNode(Bytes bytes, Allowance* items) {
  NodeDef node;
  items->Take(bounds::kItemsOfNode, "the graph");
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1:
        node.name = ReadBytes(reader);
        break;
      case 2:
        node.op = ReadBytes(reader);
        break;
      case 3: {
        const std::string_view input = ReadBytes(reader);
        items->Take(1, "the graph", node.name);
        if (input.empty() || input[0] != '^') node.inputs.push_back(input);
        break;
      }
      case 5:
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
      case 1:
        arg.name = ReadBytes(reader);
        break;
      case 4:
        arg.type_attr = ReadBytes(reader);
        break;
      case 5:
        arg.number_attr = ReadBytes(reader);
        break;
      case 6:
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
      case 1:
        op.name = ReadBytes(reader);
        break;
      case 2:
        op.inputs.push_back(ParseArg(ReadBytes(reader)));
        break;
      case 3:
        op.outputs.push_back(ParseArg(ReadBytes(reader)));
        break;
      case 4: {
        std::string_view name;
        std::string_view type;
        ForEachField(ReadBytes(reader), [&](pbf_reader& attr) {
          if (attr.tag() == 1) {
            name = ReadBytes(attr);
          } else if (attr.tag() == 2) {
            type = ReadBytes(attr);
          } else {
            attr.skip();
          }
        });
        if (type == "func" || type == "list(func)") op.function_attrs.push_back(name);
        break;
      }
      case 17:
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
    // Only the name (field 1 of the signature, field 1 of the function): bodies are read when they are
    // called.
    std::string_view name;
    ForEachField(function, [&](pbf_reader& reader) {
      if (reader.tag() != 1) return reader.skip();
      ForEachField(ReadBytes(reader), [&](pbf_reader& signature) {
        if (signature.tag() != 1) return signature.skip();
        name = ReadBytes(signature);
      });
    });
    graph.functions[name] = function;
  };
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1:
        graph.nodes.push_back(ParseNode(ReadBytes(reader), &items));
        break;
      case 2:
        ForEachField(ReadBytes(reader), [&](pbf_reader& library) {
          if (library.tag() != 1) return library.skip();
          read_function(ReadBytes(library));
        });
        break;
      case 4:
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
      case 1:
        info.name = ReadBytes(reader);
        break;
      case 2:
        info.dtype = static_cast<TF_DataType>(ReadInt(reader));
        break;
      case 3:
        info.shape = ParseShape(ReadBytes(reader));
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
    if (reader.tag() != 1 && reader.tag() != 2) return reader.skip();
    auto& side = reader.tag() == 1 ? signature.inputs : signature.outputs;
    const auto [key, info] = ReadEntry(ReadBytes(reader));
    side[key] = ParseTensorInfo(info);
  });
  return signature;
}

ObjectGraph ParseObjects(Bytes bytes) {
  ObjectGraph objects;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1: {
        std::string_view name;
        ForEachField(ReadBytes(reader), [&](pbf_reader& object) {
          if (object.tag() != 7) return object.skip();
          ForEachField(ReadBytes(object), [&](pbf_reader& variable) {
            if (variable.tag() != 6) return variable.skip();
            name = ReadBytes(variable);
          });
        });
        objects.variable_names.push_back(name);
        break;
      }
      case 2: {
        const auto [name, function] = ReadEntry(ReadBytes(reader));
        std::vector<int32_t> bound;
        ForEachField(function, [&](pbf_reader& field) {
          if (field.tag() != 2) return field.skip();
          ReadInts(field, &bound);
        });
        objects.bound_inputs[name] = std::move(bound);
        break;
      }
      default:
        reader.skip();
    }
  });
  return objects;
}

std::vector<std::string_view> ParseTags(Bytes meta_info) {
  std::vector<std::string_view> tags;
  ForEachField(meta_info, [&](pbf_reader& reader) {
    if (reader.tag() != 4) return reader.skip();
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
      if (reader.tag() != 2) return reader.skip();
      meta_graphs.push_back(ReadBytes(reader));
    });
    return meta_graphs;
  });
}

std::vector<std::string_view> ReadTags(Bytes meta_graph, const std::string& what) {
  return Guard(what, [&] {
    std::vector<std::string_view> tags;
    ForEachField(meta_graph, [&](pbf_reader& reader) {
      if (reader.tag() != 1) return reader.skip();
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
        case 1:
          meta.tags = ParseTags(ReadBytes(reader));
          break;
        case 2:
          meta.graph = ParseGraph(ReadBytes(reader));
          break;
        case 3:
          ForEachField(ReadBytes(reader), [&](pbf_reader& saver) {
            if (saver.tag() != 3) return saver.skip();
            meta.restore_op_name = ReadBytes(saver);
          });
          break;
        case 5: {
          const auto [key, signature] = ReadEntry(ReadBytes(reader));
          meta.signatures[key] = ParseSignature(signature);
          break;
        }
        case 7:
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
        case 1:
          function.signature = ParseOp(ReadBytes(reader));
          break;
        case 3:
          function.nodes.push_back(ParseNode(ReadBytes(reader), &items));
          break;
        case 4: {
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
      if (reader.tag() != 1) return reader.skip();
      KerasObject object;
      ForEachField(ReadBytes(reader), [&](pbf_reader& field) {
        switch (field.tag()) {
          case 3:
            object.path = ReadBytes(field);
            break;
          case 4:
            object.identifier = ReadBytes(field);
            break;
          case 5:
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
      if (reader.tag() != 1) return reader.skip();
      std::string key;
      ForEachField(ReadBytes(reader), [&](pbf_reader& object) {
        if (object.tag() != 2) return object.skip();
        ForEachField(ReadBytes(object), [&](pbf_reader& attribute) {
          if (attribute.tag() != 3) return attribute.skip();
          key = ReadBytes(attribute);
        });
      });
      keys.push_back(key);
    });
    return keys;
  });
}

}  // namespace ke::graph::proto
