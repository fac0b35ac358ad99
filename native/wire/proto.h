// Readers of the protocol buffers in a SavedModel and a GraphDef. The readers read only the messages and
// fields that import needs. The results are views into the bytes of the file, which must outlive them.
// Attributes stay serialised AttrValues: import copies them between graphs and parses few.
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
  std::vector<std::string_view> inputs;    // data inputs, without control inputs
  std::vector<std::string_view> controls;  // names of the nodes of the control inputs
  Attrs attrs;

  // Returns the serialised value of the attribute. Empty if there is none.
  Bytes Attr(std::string_view attr) const;
};

struct ArgDef {
  std::string_view name;
  bool has_type = false;  // false if an attribute gives the type
  TF_DataType type = TF_FLOAT;
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
  // The value of an op's attribute _gradient_op_type -> the function that computes the gradient of the op.
  std::map<std::string_view, std::string_view> gradients;
  Bytes versions;  // serialised VersionDef
};

struct TensorInfo {
  std::string_view name;  // empty if the tensor is sparse or composite
  TF_DataType dtype = TF_FLOAT;
  Shape shape;
};

struct SignatureDef {
  std::map<std::string_view, TensorInfo> inputs;
  std::map<std::string_view, TensorInfo> outputs;
};

// A node of the object graph. All members of a node of another kind are empty.
struct SavedObject {
  std::string_view variable_name;
  // A tensor that a gradient function captures: "node:index" in the body of a function, or of the top level.
  std::string_view captured_tensor;
  std::string_view captured_from;  // the function; empty: the top level
};

struct SavedFunction {
  std::vector<int32_t> bound_inputs;  // the objects that are captured, in the order of the last arguments
  // Whether each item of the returned list is a tensor, not None. Empty if no list is returned.
  std::vector<bool> results;
};

struct ObjectGraph {
  std::vector<SavedObject> objects;
  std::map<std::string_view, SavedFunction> functions;
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

// Every reader throws tf::Error DATA_LOSS, which names `what`, if the bytes are not a valid message.
std::vector<Bytes> ReadSavedModel(Bytes bytes, const std::string& what);  // returns the MetaGraphDefs
std::vector<std::string_view> ReadTags(Bytes meta_graph, const std::string& what);
MetaGraphDef ReadMetaGraph(Bytes bytes, const std::string& what);
GraphDef ReadGraph(Bytes bytes, const std::string& what);
FunctionDef ReadFunction(Bytes bytes, const std::string& what);
OpDef ReadOp(Bytes bytes, const std::string& what);
std::vector<KerasObject> ReadKerasMetadata(Bytes bytes, const std::string& what);
// Returns the checkpoint keys of the variables in a checkpoint's object graph, by node. Empty for other
// nodes.
std::vector<std::string> ReadCheckpointKeys(Bytes bytes, const std::string& what);

// The header and the entries of a checkpoint's index.
struct BundleHeader {
  int64_t shards = 0;
  bool big_endian = false;
};
BundleHeader ReadBundleHeader(Bytes bytes);
StoredTensor ReadBundleEntry(Bytes bytes);

// Return the value of an AttrValue. Empty if the AttrValue has another type.
std::optional<int64_t> AttrInt(Bytes attr);
std::optional<float> AttrFloat(Bytes attr);
std::optional<bool> AttrBool(Bytes attr);
std::optional<TF_DataType> AttrType(Bytes attr);
std::optional<std::string_view> AttrString(Bytes attr);
std::optional<std::string_view> AttrPlaceholder(Bytes attr);
std::optional<Shape> AttrShape(Bytes attr);
std::optional<size_t> AttrTypeListSize(Bytes attr);
std::vector<TF_DataType> AttrTypes(Bytes attr);  // of a list
std::optional<Bytes> AttrTensor(Bytes attr);     // a serialised TensorProto
// Returns whether a field that may occur once occurs several times: values, or the shapes of a tensor.
// TensorFlow merges such parts, but the readers here use the last part.
bool IsInParts(Bytes attr);
// Return one value, or the values of a list.
std::vector<Shape> AttrShapes(Bytes attr);
std::vector<Bytes> AttrTensors(Bytes attr);
struct FunctionReference {
  std::string_view name;
  Attrs attrs;
};
std::optional<FunctionReference> AttrFunction(Bytes attr);
std::vector<FunctionReference> AttrFunctions(Bytes attr);

// Reads a TensorShapeProto as TensorFlow does: the last of several values counts, and a field of another type
// is ignored. Throws protozero::exception if the message is damaged.
Shape ReadShape(Bytes bytes);

// Returns the strings of a TensorProto of dtype string.
std::vector<std::string_view> TensorStrings(Bytes tensor);
// Returns the integers of an int32 or int64 TensorProto. Empty for other dtypes.
std::vector<int64_t> TensorInts(Bytes tensor);
// Returns the `count` values of a float32 TensorProto, or zeros if there are no values.
std::vector<float> TensorFloats(Bytes tensor, size_t count);
// Returns whether every element of a TensorProto of real numbers or booleans is zero.
bool TensorIsZero(Bytes tensor);
Shape TensorShape(Bytes tensor);
TF_DataType TensorType(Bytes tensor);
Bytes TensorContent(Bytes tensor);  // the values as bytes; empty if they are stored as fields

}  // namespace ke::graph::proto
