// Readers of the protocol buffers in a SavedModel and a GraphDef: only the messages and fields that import
// needs. What is read are views into the file's bytes, which must outlive it. Attributes stay serialised
// AttrValues: import copies them from graph to graph and looks into few.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorflow/error.h"
#include "wire/checkpoint_index.h"
#include "wire/shape.h"

namespace ke::graph::proto {

using Bytes = std::string_view;
// Attribute name -> serialised AttrValue.
using Attrs = std::vector<std::pair<std::string_view, Bytes>>;

struct NodeDef {
  std::string_view name;
  std::string_view op;
  std::vector<std::string_view> inputs;  // data inputs; control inputs are left out
  Attrs attrs;

  // The attribute's serialised value; empty where there is none.
  Bytes Attr(std::string_view attr) const;
};

struct ArgDef {
  std::string_view name;
  std::string_view type_attr;
  std::string_view number_attr;
  std::string_view type_list_attr;
};

struct OpDef {
  std::string_view name;
  std::vector<ArgDef> inputs;
  std::vector<ArgDef> outputs;
  std::vector<std::string_view> function_attrs;  // attributes of type func or list(func)
  bool is_stateful = false;
};

struct FunctionDef {
  OpDef signature;
  std::vector<NodeDef> nodes;
  std::map<std::string_view, std::string_view>
      results;  // output argument -> "node:out_arg:index" or an argument
};

struct GraphDef {
  std::vector<NodeDef> nodes;
  std::map<std::string_view, Bytes> functions;  // name -> serialised FunctionDef
  Bytes versions;                               // serialised VersionDef
};

struct TensorInfo {
  std::string_view name;  // empty where the tensor is sparse or composite
  TF_DataType dtype = TF_FLOAT;
  Shape shape;
};

struct SignatureDef {
  std::map<std::string_view, TensorInfo> inputs;
  std::map<std::string_view, TensorInfo> outputs;
};

struct ObjectGraph {
  // The names of the nodes that are variables, by node; empty for other nodes.
  std::vector<std::string_view> variable_names;
  // Function -> the nodes that it captures, in the order of its last arguments.
  std::map<std::string_view, std::vector<int32_t>> bound_inputs;
};

struct MetaGraphDef {
  std::vector<std::string_view> tags;
  GraphDef graph;
  std::string_view restore_op_name;
  std::map<std::string_view, SignatureDef> signatures;
  ObjectGraph objects;
};

// A node of keras_metadata.pb.
struct KerasObject {
  std::string_view path;        // "root.layer-1"
  std::string_view identifier;  // "_tf_keras_layer"
  std::string_view metadata;    // JSON
};

// Every reader throws tf::Error DATA_LOSS, which names `what`, where the bytes are no such message.
std::vector<Bytes> ReadSavedModel(Bytes bytes, const std::string& what);  // its MetaGraphDefs
std::vector<std::string_view> ReadTags(Bytes meta_graph, const std::string& what);
MetaGraphDef ReadMetaGraph(Bytes bytes, const std::string& what);
GraphDef ReadGraph(Bytes bytes, const std::string& what);
FunctionDef ReadFunction(Bytes bytes, const std::string& what);
OpDef ReadOp(Bytes bytes, const std::string& what);
std::vector<KerasObject> ReadKerasMetadata(Bytes bytes, const std::string& what);
// Checkpoint keys of the variables in a checkpoint's object graph, by node; empty for other nodes.
std::vector<std::string> ReadCheckpointKeys(Bytes bytes, const std::string& what);

// Of a checkpoint's index.
struct BundleHeader {
  int64_t shards = 0;
  bool big_endian = false;
};
BundleHeader ReadBundleHeader(Bytes bytes);
StoredTensor ReadBundleEntry(Bytes bytes);

// What an AttrValue holds; empty where it holds something else.
std::optional<int64_t> AttrInt(Bytes attr);
std::optional<float> AttrFloat(Bytes attr);
std::optional<bool> AttrBool(Bytes attr);
std::optional<TF_DataType> AttrType(Bytes attr);
std::optional<std::string_view> AttrString(Bytes attr);
std::optional<std::string_view> AttrPlaceholder(Bytes attr);
std::optional<Shape> AttrShape(Bytes attr);
std::optional<size_t> AttrTypeListSize(Bytes attr);
std::optional<Bytes> AttrTensor(Bytes attr);  // a serialised TensorProto
// Whether what can be written once is written several times: values, or the shapes of a tensor. TensorFlow
// merges such parts, readers here look at the last.
bool IsInParts(Bytes attr);
// One, or a list of them.
std::vector<Shape> AttrShapes(Bytes attr);
std::vector<Bytes> AttrTensors(Bytes attr);
struct FunctionReference {
  std::string_view name;
  Attrs attrs;
};
std::optional<FunctionReference> AttrFunction(Bytes attr);

// The strings of a TensorProto of dtype string.
std::vector<std::string_view> TensorStrings(Bytes tensor);
// The integers of an int32 or int64 TensorProto; empty where it holds something else.
std::vector<int64_t> TensorInts(Bytes tensor);
// The `count` values of a float32 TensorProto; of one that holds none, zeros.
std::vector<float> TensorFloats(Bytes tensor, size_t count);
// Whether every element of a TensorProto of real numbers or booleans is zero.
bool TensorIsZero(Bytes tensor);
Shape TensorShape(Bytes tensor);
TF_DataType TensorType(Bytes tensor);
Bytes TensorContent(Bytes tensor);  // its values as bytes; empty where they are fields

}  // namespace ke::graph::proto
