#include "layers/layer_types.h"

#include <algorithm>
#include <array>
#include <set>

#include "layers/scope_tree.h"
#include "wire/proto.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

// Ops that prepare shapes and values in any layer.
constexpr std::array<std::string_view, 11> kBookkeeping = {
    "Const",    "Shape",      "StridedSlice", "Pack",     "Prod", "Cast",
    "Identity", "ExpandDims", "Squeeze",      "GatherV2", "Range"};

// The types of layers whose ops do not identify the type, by the default name that Keras gives such a layer.
struct AutoName {
  std::string_view name;
  std::string_view type;
};
constexpr std::array<AutoName, 19> kAutoNames = {{
    {"activation", "Activation"},
    {"re_lu", "ReLU"},
    {"softmax", "Softmax"},
    {"dropout", "Dropout"},
    {"spatial_dropout2d", "SpatialDropout2D"},
    {"gaussian_noise", "GaussianNoise"},
    {"rescaling", "Rescaling"},
    {"resizing", "Resizing"},
    {"up_sampling2d", "UpSampling2D"},
    {"lambda", "Lambda"},
    {"reshape", "Reshape"},
    {"flatten", "Flatten"},
    {"permute", "Permute"},
    {"cropping2d", "Cropping2D"},
    {"zero_padding2d", "ZeroPadding2D"},
    {"center_crop", "CenterCrop"},
    {"dot", "Dot"},
    {"average", "Average"},
    {"embedding", "Embedding"},
}};

class TypeInference {
 public:
  explicit TypeInference(const LayerOps& layer) : layer_(layer) {
    for (const int node : layer.nodes) {
      const std::string& op = layer.graph.nodes[node].op;
      all_.insert(op);
      if (std::find(kBookkeeping.begin(), kBookkeeping.end(), op) == kBookkeeping.end()) ops_.insert(op);
    }
    for (const std::string& weight : layer.record.weights) {
      std::string name(BaseName(weight));
      const std::string_view plain = WithoutNumber(name);  // "kernel_1" is a second variable of that name
      weights_.insert(plain.empty() ? name : std::string(plain));
    }
  }

  std::string Run() const {
    if (!layer_.children.empty()) return Composite();
    std::string type = layer_.record.weights.empty() ? std::string() : Weighted();
    if (type.empty()) type = Unweighted();
    if (!type.empty()) return type;
    const std::string by_name = ByName();
    return by_name.empty() ? "Layer" : by_name;
  }

 private:
  bool Has(std::string_view op) const { return all_.count(op) > 0; }
  bool HasWeight(std::string_view name) const { return weights_.count(name) > 0; }
  bool Only(std::initializer_list<std::string_view> ops) const {
    return !ops_.empty() && std::all_of(ops_.begin(), ops_.end(), [&](const std::string& op) {
      return std::find(ops.begin(), ops.end(), op) != ops.end();
    });
  }
  static std::string Dims(const std::string& type, int spatial) {
    return spatial >= 1 && spatial <= 3 ? type + std::to_string(spatial) + "D" : std::string("Layer");
  }
  int Rank(const std::vector<std::string>& names) const {
    if (names.empty()) return -1;
    const auto spec = layer_.tensors.find(names[0]);
    return spec == layer_.tensors.end() ? -1 : spec->second.shape.rank();
  }
  int InputRank() const { return Rank(layer_.record.calls.front().inputs); }
  int OutputRank() const { return Rank(layer_.record.calls.front().outputs); }
  size_t InputCount() const { return layer_.record.calls.front().inputs.size(); }

  std::string ByName() const {
    const std::string_view plain = WithoutNumber(layer_.record.name);
    const std::string_view name = plain.empty() ? std::string_view(layer_.record.name) : plain;
    for (const AutoName& known : kAutoNames) {
      if (known.name == name) return std::string(known.type);
    }
    return {};
  }

  std::string Composite() const {
    const auto& children = layer_.children;
    const auto holds = [&](const char* name) { return children.count(name) > 0; };
    if (holds("query") && holds("key") && holds("value") && holds("attention_output"))
      return "MultiHeadAttention";
    if (layer_.record.name.starts_with("sequential")) return "Sequential";
    // A Functional model only calls its layers. A layer with further ops is a custom layer.
    const size_t depth = layer_.record.path.size();
    for (const int node : layer_.nodes) {
      const FlatNode& def = layer_.graph.nodes[node];
      if (def.op != "Const" && def.op != "Cast" && IsOwn(def.name, depth)) return "Layer";
    }
    return "Functional";
  }

  // Returns whether the op is in the layer's own scope and not in the scope of a child.
  bool IsOwn(const std::string& name, size_t depth) const {
    const std::vector<std::string> parts = SplitPath(name);
    while (depth < parts.size() && IsInlinedCall(parts[depth - layer_.record.path.size()])) ++depth;
    // The scope has as many parts as the path, or one more if the scope of the model encloses it.
    for (size_t at = depth; at <= depth + 1 && at + 1 < parts.size(); ++at) {
      const auto& children = layer_.children;
      if (children.count(parts[at]) > 0 || children.count(WithoutNumber(parts[at])) > 0) return false;
    }
    return true;
  }

  std::string Weighted() const {
    const FlatWeight* kernel = layer_.kernel;
    const int spatial = kernel == nullptr ? -1 : kernel->shape.rank() - 2;
    if (HasWeight("depthwise_kernel") && HasWeight("pointwise_kernel")) return Dims("SeparableConv", spatial);
    if (Has("DepthwiseConv2dNative")) return Dims("DepthwiseConv", spatial);
    if (Has("Conv2DBackpropInput") || Has("Conv3DBackpropInputV2")) {
      const std::string type = Dims("Conv", spatial);
      return type == "Layer" ? type : type + "Transpose";
    }
    if (Has("Conv2D") || Has("Conv3D")) return Dims("Conv", spatial);
    if (HasWeight("moving_mean") && HasWeight("moving_variance")) return "BatchNormalization";
    if (Has("FusedBatchNormV3") && !Has("Fill"))
      return "BatchNormalization";  // LayerNormalization of Keras 2 has a Fill
    if (Has("Rsqrt") && Only({"Rsqrt", "Mul", "AddV2", "Sub"})) return "BatchNormalization";
    if (HasWeight("embeddings")) return "Embedding";
    if (HasWeight("alpha") && (Has("Relu") || Has("Neg"))) return "PReLU";
    if (kernel != nullptr && (Has("MatMul") || Has("BatchMatMulV2") || Has("BatchMatMul") || Has("Einsum"))) {
      return kernel->shape.rank() > 2 || Has("Einsum") ? "EinsumDense" : "Dense";
    }
    if (HasWeight("gamma") || HasWeight("beta") || (Has("Rsqrt") && Has("SquaredDifference"))) {
      return IsGrouped() ? "GroupNormalization" : "LayerNormalization";
    }
    if (HasWeight("mean") && HasWeight("variance")) return "Normalization";
    return {};
  }

  // GroupNormalization splits the channels and adds an axis. LayerNormalization only merges axes.
  bool IsGrouped() const {
    const int rank = InputRank();
    return std::any_of(layer_.nodes.begin(), layer_.nodes.end(), [&](int node) {
      const FlatNode& def = layer_.graph.nodes[node];
      if (def.op != "Reshape") return false;
      return rank > 0 && Rank({def.name + ":0"}) > rank && OutputRank() == rank;
    });
  }

  std::string Unweighted() const {
    const std::string pooling = Pooling();
    if (!pooling.empty()) return pooling;
    const std::string activation = Activation();
    if (!activation.empty()) return activation;
    const std::string merging = Merging();
    if (!merging.empty()) return merging;
    if (Only({"Sub", "Sqrt", "Maximum", "RealDiv"}) && Has("RealDiv")) return "Normalization";
    if (Only({"Mul", "AddV2", "Add"}) && InputCount() == 1 && Has("Mul") && ByName() != "Lambda")
      return "Rescaling";
    if (Only({"Pad", "PadV2"})) return Dims("ZeroPadding", InputRank() - 2);
    if (Only({"Reshape"})) return OutputRank() == 2 ? "Flatten" : "Reshape";
    if (Only({"Transpose"})) return "Permute";
    if (ops_.empty() && Has("StridedSlice") && OutputRank() == InputRank()) {
      return Dims("Cropping", InputRank() - 2);
    }
    if (Has("ResizeBilinear") || Has("ResizeNearestNeighbor") || Has("ResizeBicubic") || Has("ResizeArea")) {
      const std::string name = ByName();
      return name.empty() ? (Has("Mul") ? "UpSampling2D" : "Resizing") : name;
    }
    // UpSampling of Keras 3 repeats rows and columns.
    if (Only({"Reshape", "Tile", "Mul", "ConcatV2"}) && Has("Tile") && InputRank() == OutputRank()) {
      return Dims("UpSampling", InputRank() - 2);
    }
    return {};
  }

  std::string Pooling() const {
    const int spatial = InputRank() - 2;
    if (Only({"MaxPool", "MaxPool3D", "MaxPoolV2"})) return Dims("MaxPooling", spatial);
    if (Only({"AvgPool", "AvgPool3D"})) return Dims("AveragePooling", spatial);
    if (!Only({"Mean"}) && !Only({"Max"})) return {};
    if (!ReducesSpace()) return {};
    return Dims(Has("Mean") ? "GlobalAveragePooling" : "GlobalMaxPooling", spatial);
  }

  // Returns whether the reduction runs over all axes except the batch and the channels (last or first).
  bool ReducesSpace() const {
    const int rank = InputRank();
    if (rank < 3) return false;
    for (const int node : layer_.nodes) {
      const FlatNode& def = layer_.graph.nodes[node];
      if ((def.op != "Mean" && def.op != "Max") || def.inputs.size() < 2) continue;
      const auto value = proto::AttrTensor(layer_.graph.nodes[def.inputs[1].node].Attr("value"));
      if (!value) return false;
      std::set<int64_t> axes;
      for (const int64_t axis : proto::TensorInts(*value)) axes.insert(axis < 0 ? axis + rank : axis);
      std::set<int64_t> last;
      std::set<int64_t> first;
      for (int axis = 1; axis + 1 < rank; ++axis) {
        last.insert(axis);
        first.insert(axis + 1);
      }
      return axes == last || axes == first;
    }
    return false;
  }

  std::string Activation() const {
    if (InputCount() != 1) return {};
    if (Only({"Relu6", "Relu", "Minimum", "Maximum", "ClipByValue"}) && (Has("Relu6") || Has("Relu"))) {
      return ByName() == "Activation" ? "Activation" : "ReLU";
    }
    if (Only({"LeakyRelu"})) return "LeakyReLU";
    if (Only({"Elu"})) return "ELU";
    if (Only({"Softmax"})) return ByName() == "Activation" ? "Activation" : "Softmax";
    constexpr std::array<std::string_view, 9> kActivations = {
        "Sigmoid", "Tanh", "Softplus", "Softsign", "Selu", "Erf", "Erfc", "Exp", "LogSoftmax"};
    const bool activates =
        std::any_of(kActivations.begin(), kActivations.end(), [&](auto op) { return Has(op); });
    if (activates && OutputRank() == InputRank()) return ByName().empty() ? "Activation" : ByName();
    return {};
  }

  std::string Merging() const {
    if (Only({"ConcatV2"})) return "Concatenate";
    if (InputCount() < 2) return {};
    if (Only({"AddV2", "Add", "AddN"})) return "Add";
    if (Only({"Mul"})) return "Multiply";
    if (Only({"Sub"})) return "Subtract";
    if (Only({"Maximum"})) return "Maximum";
    if (Only({"Minimum"})) return "Minimum";
    if (Only({"AddV2", "Add", "RealDiv", "Mul"}) && Has("RealDiv")) return "Average";
    if (Has("BatchMatMulV2") || Has("Einsum")) return "Dot";
    return {};
  }

  const LayerOps& layer_;
  std::set<std::string, std::less<>> all_;
  std::set<std::string, std::less<>> ops_;  // without bookkeeping
  std::set<std::string, std::less<>> weights_;
};

}  // namespace

std::string InferLayerType(const LayerOps& layer) { return TypeInference(layer).Run(); }

}  // namespace ke::graph
