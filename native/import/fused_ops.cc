#include "import/fused_ops.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "ir/unique_names.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/read_fields.h"
#include "wire/text.h"
#include "wire/write_proto.h"

namespace ke::graph {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;
namespace node_def = fields::node_def;

struct PlainOp {
  std::string_view op;
  std::string_view output;  // the name of the output in references of a function's body
};

// The product in each fused op.
constexpr std::array<std::pair<std::string_view, PlainOp>, 4> kProducts = {{
    {"_FusedConv2D", {"Conv2D", "output"}},
    {"FusedDepthwiseConv2dNative", {"DepthwiseConv2dNative", "output"}},
    {"_FusedDepthwiseConv2dNative", {"DepthwiseConv2dNative", "output"}},
    {"_FusedMatMul", {"MatMul", "product"}},
}};

constexpr std::array<PlainOp, 6> kActivations = {{{"Relu", "activations"},
                                                  {"Relu6", "activations"},
                                                  {"Elu", "activations"},
                                                  {"LeakyRelu", "activations"},
                                                  {"Tanh", "y"},
                                                  {"Sigmoid", "y"}}};

constexpr PlainOp kSum = {"AddV2", "z"};
constexpr std::string_view kPrelu = "Prelu";
constexpr std::string_view kBiasAdd = "BiasAdd";

const PlainOp* ProductOf(std::string_view op) {
  for (const auto& [fused, product] : kProducts) {
    if (fused == op) return &product;
  }
  return nullptr;
}

bool IsFused(std::string_view op) { return op == kPrelu || ProductOf(op) != nullptr; }

bool HasFused(const std::vector<proto::NodeDef>& nodes, Bias bias) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const proto::NodeDef& node) {
    return IsFused(node.op) || (bias == Bias::kAny && node.op == "BiasAdd");
  });
}

// Returns the rank of a Const or a variable, or -1 for other nodes.
int64_t RankOf(const proto::NodeDef& node) {
  if (node.op == "VariableV2") {
    const auto shape = proto::AttrShape(node.Attr("shape"));
    return shape && shape->known_rank ? shape->rank() : -1;
  }
  if (node.op != "Const") return -1;
  const auto value = proto::AttrTensor(node.Attr("value"));
  return value ? proto::TensorShape(*value).rank() : -1;
}

// Returns the strings of a list.
std::vector<std::string_view> Strings(proto::Bytes attr) {
  std::vector<std::string_view> strings;
  proto::ForEachField(attr, [&](pbf_reader& reader) {
    if (reader.tag() != fields::attr_value::kList) return reader.skip();
    proto::ForEachField(proto::ReadBytes(reader), [&](pbf_reader& item) {
      if (item.tag() != fields::attr_value::kString) return item.skip();
      strings.push_back(proto::ReadBytes(item));
    });
  });
  return strings;
}

std::string Float(float value) {
  std::string attr;
  pbf_writer(attr).add_float(fields::attr_value::kFloat, value);
  return attr;
}

// Returns the name of the op that read a kernel: "a/Conv2D" for "a/Conv2D/ReadVariableOp", as frozen
// variables are named, and for "a/Conv2D_weights", as kernels with a folded batch norm are. Other names only
// determine the scope.
std::string ReaderOf(std::string_view kernel, std::string_view op) {
  for (const std::string_view suffix : {"/ReadVariableOp/resource", "/ReadVariableOp", "_weights"}) {
    if (kernel.ends_with(suffix)) return std::string(kernel.substr(0, kernel.size() - suffix.size()));
  }
  const std::string_view scope = ParentPath(kernel);
  return (scope.empty() ? std::string() : std::string(scope) + "/") + std::string(op);
}

// Writes plain ops in place of the fused ops of one list of nodes: of the graph, or of a function.
class Unfuser {
 public:
  Unfuser(const std::vector<proto::NodeDef>& nodes, Bias bias, bool in_function)
      : bias_(bias), in_function_(in_function) {
    for (const proto::NodeDef& node : nodes) {
      names_.Make(std::string(node.name));
      const int64_t rank = RankOf(node);
      if (rank >= 0) constants_.emplace(node.name, rank);
    }
    for (const proto::NodeDef& node : nodes) {
      if (IsReplaced(node)) outputs_.emplace(node.name, std::string(LastOp(node).output));
    }
  }

  // Appends a node as fields `tag` of a message.
  void Append(const proto::NodeDef& node, proto::Bytes bytes, uint32_t tag, std::string* message) {
    message_ = message;
    tag_ = tag;
    if (!IsReplaced(node)) return AppendAsIs(bytes);
    node_ = &node;
    const auto dtype = proto::AttrType(node.Attr("T"));
    type_ = TypeAttr(dtype.value_or(TF_FLOAT));
    controls_ = node.controls;
    if (node.op == kPrelu) {
      Prelu(Input(0), Input(1), std::string(node.name));
    } else if (node.op == kBiasAdd) {
      Add(kSum, std::string(node.name), {Input(0), Input(1)}, Copied({}));
    } else {
      Product();
    }
  }

  // Returns a reference of a function's body, with the name of the output that the plain op has.
  std::string Renamed(std::string_view reference) const {
    const size_t colon = reference.find(':');
    if (!in_function_ || colon == std::string_view::npos) return std::string(reference);
    const std::string_view name = reference.substr(0, colon);
    const auto output = outputs_.find(name);
    if (output == outputs_.end()) return std::string(reference);
    return std::string(name) + ":" + output->second + ":0";
  }

 private:
  using AttrList = std::vector<std::pair<std::string, std::string>>;

  // Returns the names of the ops behind a product, without the "NoOp" that stands for none.
  static std::vector<std::string_view> Behind(const proto::NodeDef& node) {
    std::vector<std::string_view> ops = Strings(node.Attr("fused_ops"));
    std::erase(ops, "NoOp");
    return ops;
  }

  bool IsReplaced(const proto::NodeDef& node) const {
    return IsFused(node.op) || (node.op == kBiasAdd && AddsAny(node, 1));
  }

  // Returns whether the bias at input `input` is perhaps no vector.
  bool AddsAny(const proto::NodeDef& node, size_t input) const {
    if (bias_ == Bias::kVector || input >= node.inputs.size()) return false;
    if (proto::AttrString(node.Attr("data_format")).value_or("NHWC") != "NHWC") return false;
    const auto constant = constants_.find(node.inputs[input].substr(0, node.inputs[input].find(':')));
    return constant == constants_.end() || constant->second != 1;
  }

  PlainOp LastOp(const proto::NodeDef& node) const {
    if (node.op == kPrelu || node.op == kBiasAdd) return kSum;
    const std::vector<std::string_view> behind = Behind(node);
    if (behind.empty()) return *ProductOf(node.op);
    // A bias is the first argument: if it is the last op, there is no other.
    if (behind.back() == kBiasAdd && AddsAny(node, 2)) return kSum;
    return PlainOf(node, behind.back());
  }

  static PlainOp PlainOf(const proto::NodeDef& node, std::string_view op) {
    if (op == kBiasAdd) return {kBiasAdd, "output"};
    if (op == "FusedBatchNorm") return {"FusedBatchNormV3", "y"};
    if (op == "Add" || op == kPrelu) return kSum;
    for (const PlainOp& activation : kActivations) {
      if (activation.op == op) return activation;
    }
    throw tf::Error(TF_UNIMPLEMENTED,
                    "'" + std::string(node.name) + "' of op " + std::string(node.op) + " is fused with op " +
                        std::string(op) + ", which is not supported. Convert the model without this fusion",
                    std::string(node.name));
  }

  void AppendAsIs(proto::Bytes bytes) {
    if (!in_function_) {
      pbf_writer(*message_).add_message(tag_, bytes.data(), bytes.size());
      return;
    }
    std::string node;
    pbf_writer writer(node);
    proto::ForEachField(bytes, [&](pbf_reader& reader) {
      if (reader.tag() == node_def::kInput) {
        writer.add_string(node_def::kInput, Renamed(proto::ReadBytes(reader)));
      } else if (reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
        const uint32_t tag = reader.tag();
        const proto::Bytes field = proto::ReadBytes(reader);
        writer.add_bytes(tag, field.data(), field.size());
      } else {
        reader.skip();
      }
    });
    pbf_writer(*message_).add_message(tag_, node);
  }

  std::string Input(size_t index) const {
    if (index < node_->inputs.size()) return Renamed(node_->inputs[index]);
    throw tf::Error(TF_DATA_LOSS,
                    "'" + std::string(node_->name) + "' of op " + std::string(node_->op) + " has " +
                        std::to_string(node_->inputs.size()) + " inputs and needs more",
                    std::string(node_->name));
  }

  // Returns a free name for an op in the scope of the fused op.
  std::string NameOf(std::string_view op) {
    const std::string_view scope = ParentPath(node_->name);
    return names_.Make((scope.empty() ? std::string() : std::string(scope) + "/") + std::string(op));
  }

  // Returns a free name for the product.
  std::string NameOfProduct(const PlainOp& product) {
    std::string_view kernel = node_->inputs.size() > 1 ? node_->inputs[1] : std::string_view();
    kernel = kernel.substr(0, kernel.find(':'));
    if (constants_.count(kernel) == 0) return NameOf(product.op);
    const std::string reader = ReaderOf(kernel, product.op);
    return reader == node_->name ? NameOf(product.op) : names_.Make(reader);
  }

  // Appends an op and returns the reference to its output.
  std::string Add(const PlainOp& plain, const std::string& name, std::vector<std::string> inputs,
                  const AttrList& attrs) {
    // Only top-level branches of TensorFlow 1 read control inputs: the first op has those of the fused op.
    for (const std::string_view control : std::exchange(controls_, {})) {
      inputs.push_back("^" + std::string(control));
    }
    std::string graph;
    AppendNode(name, plain.op, inputs, attrs, &graph);
    static_assert(fields::graph_def::kNode == 1);
    proto::ForEachField(graph, [&](pbf_reader& reader) {
      const proto::Bytes node = proto::ReadBytes(reader);
      pbf_writer(*message_).add_message(tag_, node.data(), node.size());
    });
    return in_function_ ? name + ":" + std::string(plain.output) + ":0" : name;
  }

  // Returns the attribute T and those of `names` that the fused op has.
  AttrList Copied(std::initializer_list<std::string_view> names) const {
    AttrList attrs = {{"T", type_}};
    for (const std::string_view name : names) {
      const proto::Bytes value = node_->Attr(name);
      if (!value.empty()) attrs.emplace_back(name, value);
    }
    return attrs;
  }

  void Product() {
    const PlainOp product = *ProductOf(node_->op);
    const std::vector<std::string_view> behind = Behind(*node_);
    const bool is_matrix_product = product.op == "MatMul";
    const AttrList attrs =
        is_matrix_product ? Copied({"transpose_a", "transpose_b"})
                          : Copied({"strides", "padding", "explicit_paddings", "data_format", "dilations"});
    std::string name = behind.empty() ? std::string(node_->name) : NameOfProduct(product);
    const std::string_view product_scope = ParentPath(name);
    std::string at = Add(product, name, {Input(0), Input(1)}, attrs);
    size_t argument = 2;
    for (size_t i = 0; i < behind.size(); ++i) {
      const PlainOp plain = PlainOf(*node_, behind[i]);
      const bool is_last = i + 1 == behind.size();
      std::string op_name = std::string(node_->name);
      if (!is_last) {
        // A bias belongs to the layer of the product, an activation perhaps to another layer.
        op_name = names_.Make((product_scope.empty() ? "" : std::string(product_scope) + "/") +
                              std::string(plain.op));
      }
      if (behind[i] == kBiasAdd && AddsAny(*node_, argument)) {
        at = Add(kSum, op_name, {at, Input(argument++)}, Copied({}));
      } else if (behind[i] == kBiasAdd) {
        at = Add(plain, op_name, {at, Input(argument++)},
                 is_matrix_product ? Copied({}) : Copied({"data_format"}));
      } else if (behind[i] == "FusedBatchNorm") {
        AttrList norm = Copied({"epsilon", "data_format"});
        norm.emplace_back("U", TypeAttr(TF_FLOAT));
        norm.emplace_back("is_training", BoolAttr(false));
        std::vector<std::string> inputs = {at};
        for (int k = 0; k < 4; ++k) inputs.push_back(Input(argument++));
        at = Add(plain, op_name, inputs, norm);
      } else if (behind[i] == "Add") {
        at = Add(plain, op_name, {at, Input(argument++)}, Copied({}));
      } else if (behind[i] == kPrelu) {
        at = Prelu(at, Input(argument++), op_name);
      } else if (behind[i] == "LeakyRelu") {
        AttrList leaky = Copied({});
        const auto alpha = proto::AttrFloat(node_->Attr("leakyrelu_alpha"));
        leaky.emplace_back("alpha", Float(alpha.value_or(0.2F)));
        at = Add(plain, op_name, {at}, leaky);
      } else {
        at = Add(plain, op_name, {at}, Copied({}));
      }
    }
  }

  // Appends relu(x) + -alpha * relu(-x), as Keras computes a PReLU.
  std::string Prelu(const std::string& x, const std::string& alpha, const std::string& name) {
    const AttrList attrs = {{"T", type_}};
    const PlainOp relu = {"Relu", "activations"};
    const PlainOp negative = {"Neg", "y"};
    const std::string above = Add(relu, NameOf("Relu"), {x}, attrs);
    const std::string slope = Add(negative, NameOf("Neg"), {alpha}, attrs);
    const std::string negated = Add(negative, NameOf("Neg"), {x}, attrs);
    const std::string below = Add(relu, NameOf("Relu"), {negated}, attrs);
    const std::string scaled = Add({"Mul", "z"}, NameOf("mul"), {slope, below}, attrs);
    return Add(kSum, name, {above, scaled}, attrs);
  }

  const Bias bias_;
  const bool in_function_;
  UniqueNames names_;
  std::map<std::string_view, int64_t> constants_;    // name -> rank
  std::map<std::string_view, std::string> outputs_;  // of fused ops
  // Of the node that is appended.
  const proto::NodeDef* node_ = nullptr;
  std::string type_;
  std::vector<std::string_view> controls_;
  std::string* message_ = nullptr;
  uint32_t tag_ = 0;
};

void CopyField(pbf_reader* reader, std::string* message) {
  const uint32_t tag = reader->tag();
  if (reader->wire_type() == protozero::pbf_wire_type::varint) {
    pbf_writer(*message).add_int64(tag, reader->get_int64());
  } else {
    const proto::Bytes field = proto::ReadBytes(*reader);
    pbf_writer(*message).add_bytes(tag, field.data(), field.size());
  }
}

std::string UnfuseFunction(proto::Bytes bytes, Bias bias) {
  const proto::FunctionDef function = proto::ReadFunction(bytes, "a function of the model");
  if (!HasFused(function.nodes, bias)) return std::string(bytes);
  Unfuser unfuser(function.nodes, bias, true);
  std::string written;
  size_t node = 0;
  proto::ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::function_def::kNode:
        unfuser.Append(function.nodes[node++], proto::ReadBytes(reader), fields::function_def::kNode,
                       &written);
        break;
      case fields::function_def::kResult: {
        const auto [result, reference] = proto::ReadTexts(proto::ReadBytes(reader));
        const std::string renamed = unfuser.Renamed(reference);
        pbf_writer writer(written);
        pbf_writer entry(writer, fields::function_def::kResult);
        entry.add_string(fields::map_entry::kKey, result.data(), result.size());
        entry.add_string(fields::map_entry::kValue, renamed);
        break;
      }
      default:
        CopyField(&reader, &written);
    }
  });
  return written;
}

std::string Unfuse(const proto::GraphDef& graph, proto::Bytes bytes, Bias bias) {
  Unfuser unfuser(graph.nodes, bias, false);
  std::string written;
  size_t node = 0;
  proto::ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::graph_def::kNode:
        unfuser.Append(graph.nodes[node++], proto::ReadBytes(reader), fields::graph_def::kNode, &written);
        break;
      case fields::graph_def::kLibrary: {
        std::string library;
        proto::ForEachField(proto::ReadBytes(reader), [&](pbf_reader& field) {
          if (field.tag() != fields::function_library::kFunction) return CopyField(&field, &library);
          pbf_writer(library).add_message(fields::function_library::kFunction,
                                          UnfuseFunction(proto::ReadBytes(field), bias));
        });
        pbf_writer(written).add_message(fields::graph_def::kLibrary, library);
        break;
      }
      default:
        CopyField(&reader, &written);
    }
  });
  return written;
}

// Returns whether the name of a fused op occurs in the body of a function.
bool MayHaveFused(proto::Bytes function, Bias bias) {
  return function.find(kPrelu) != proto::Bytes::npos || function.find("Fused") != proto::Bytes::npos ||
         (bias == Bias::kAny && function.find(kBiasAdd) != proto::Bytes::npos);
}

}  // namespace

std::optional<std::string> WithoutFusedOps(const proto::GraphDef& graph, proto::Bytes bytes, Bias bias) {
  const bool in_functions = std::any_of(graph.functions.begin(), graph.functions.end(),
                                        [&](const auto& each) { return MayHaveFused(each.second, bias); });
  if (!in_functions && !HasFused(graph.nodes, bias)) return std::nullopt;
  try {
    return Unfuse(graph, bytes, bias);
  } catch (const protozero::exception& error) {
    throw tf::Error(TF_DATA_LOSS, std::string("the model's graph is damaged: ") + error.what());
  }
}

}  // namespace ke::graph
