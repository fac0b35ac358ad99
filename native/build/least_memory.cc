#include "build/least_memory.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "build/scope.h"
#include "ir/op_traits.h"
#include "tensorflow/import_graph.h"
#include "tensorflow/read_graph.h"

namespace ke::graph {

using tf::C;

namespace {

// The approximate number of moments to examine. Each moment costs a walk over the graph.
constexpr size_t kMoments = 64;
constexpr int kNone = -1;

// The ops that a run computes, in a possible order of execution.
class Liveness {
 public:
  Liveness(TF_Graph* graph, const std::vector<TF_Output>& feeds, const std::vector<TF_Output>& fetches)
      : graph_(graph) {
    for (const TF_Output& feed : feeds) feeds_.push_back(feed.oper);
    for (const TF_Output& fetch : fetches) Visit(fetch.oper);
    for (const TF_Output& fetch : fetches) {
      const int buffer = BufferOf(fetch);
      if (buffer != kNone) buffers_[buffer].fetched = true;
    }
  }

  LeastMemory Find() const {
    LeastMemory least;
    const Buffer* largest = nullptr;
    for (const Buffer& buffer : buffers_) {
      if (largest == nullptr || buffer.bytes > largest->bytes) largest = &buffer;
    }
    if (largest == nullptr) return least;
    least.largest_bytes = largest->bytes;
    least.largest_op = C().TF_OperationName(largest->tensor.oper);
    least.largest_shape = GetShape(graph_, largest->tensor);
    least.bytes = At(largest->node);
    const size_t stride = std::max<size_t>(1, nodes_.size() / kMoments);
    for (size_t node = 0; node < nodes_.size(); node += stride) {
      least.bytes = std::max(least.bytes, At(static_cast<int>(node)));
    }
    return least;
  }

 private:
  struct Buffer {
    int node;
    TF_Output tensor;
    double bytes;
    std::vector<int> readers;  // nodes
    bool fetched = false;
  };
  struct Node {
    std::vector<int> inputs;   // nodes
    std::vector<int> readers;  // nodes
    std::vector<int> buffers;  // one per output; kNone: the output has no memory of its own
    bool fed = false;          // depends on a feed
  };

  // Adds the ops that `wanted` needs, then `wanted`. The walk does not recurse, because graphs are deep.
  void Visit(TF_Operation* wanted) {
    std::vector<TF_Operation*> stack{wanted};
    while (!stack.empty()) {
      TF_Operation* const op = stack.back();
      const auto known = index_.find(op);
      if (known != index_.end() && known->second != kNone) {
        stack.pop_back();
        continue;
      }
      const std::vector<TF_Output> inputs = InputsOf(op);
      if (known == index_.end()) {
        index_[op] = kNone;  // the inputs come first; a cycle of the graph reaches this op again
        for (const TF_Output& input : inputs) {
          if (index_.count(input.oper) == 0) stack.push_back(input.oper);
        }
        continue;
      }
      stack.pop_back();
      Add(op, inputs);
    }
  }

  std::vector<TF_Output> InputsOf(TF_Operation* op) const {
    return IsFeed(op) ? std::vector<TF_Output>() : tf::Inputs(op);
  }
  bool IsFeed(TF_Operation* op) const { return std::find(feeds_.begin(), feeds_.end(), op) != feeds_.end(); }

  void Add(TF_Operation* op, const std::vector<TF_Output>& inputs) {
    const int self = static_cast<int>(nodes_.size());
    const bool is_feed = IsFeed(op);
    Node node;
    node.fed = is_feed;
    const std::string_view type = C().TF_OperationOpType(op);
    const bool view = HasTrait(type, trait::kView);
    for (const TF_Output& input : inputs) {
      const int from = index_[input.oper];
      if (from == kNone) continue;  // the back edge of a loop
      node.inputs.push_back(from);
      nodes_[from].readers.push_back(self);
      node.fed = node.fed || nodes_[from].fed;
      const int buffer = BufferOf(input);
      if (buffer != kNone && !view) buffers_[buffer].readers.push_back(self);
    }
    const bool allocates = node.fed && !view && !is_feed && !HasTrait(type, trait::kCallsFunctions);
    for (int i = 0; i < C().TF_OperationNumOutputs(op); ++i) {
      int buffer = kNone;
      if (view && static_cast<size_t>(i) < inputs.size()) {
        buffer = BufferOf(inputs[i]);
      } else if (allocates) {
        buffer = static_cast<int>(buffers_.size());
        buffers_.push_back({self, {op, i}, LeastBytes(graph_, {op, i}), {}});
      }
      node.buffers.push_back(buffer);
    }
    index_[op] = self;
    nodes_.push_back(std::move(node));
  }

  int BufferOf(TF_Output tensor) const {
    const int node = index_.at(tensor.oper);
    return node == kNone ? kNone : nodes_[node].buffers[tensor.index];
  }

  // Marks `start` and the nodes that `start` reaches through `next`.
  template <typename Next>
  std::vector<bool> Reached(int start, Next next) const {
    std::vector<bool> reached(nodes_.size());
    std::vector<int> stack{start};
    reached[start] = true;
    while (!stack.empty()) {
      const int node = stack.back();
      stack.pop_back();
      for (const int other : next(nodes_[node])) {
        if (!reached[other]) stack.push_back(other);
        reached[other] = true;
      }
    }
    return reached;
  }

  // Returns the bytes that are alive when `moment` has run.
  double At(int moment) const {
    const auto before = Reached(moment, [](const Node& node) -> const auto& { return node.inputs; });
    const auto after = Reached(moment, [](const Node& node) -> const auto& { return node.readers; });
    double bytes = 0;
    for (const Buffer& buffer : buffers_) {
      if (!before[buffer.node]) continue;
      const bool read = std::any_of(buffer.readers.begin(), buffer.readers.end(),
                                    [&](int reader) { return reader != moment && after[reader]; });
      if (read || buffer.fetched || buffer.node == moment) bytes += buffer.bytes;
    }
    return bytes;
  }

  TF_Graph* graph_;
  std::vector<TF_Operation*> feeds_;
  std::map<TF_Operation*, int> index_;
  std::vector<Node> nodes_;
  std::vector<Buffer> buffers_;
};

}  // namespace

double LeastBytes(TF_Graph* graph, TF_Output tensor) {
  double bytes = static_cast<double>(C().TF_DataTypeSize(C().TF_OperationOutputType(tensor)));
  for (const int64_t dim : GetShape(graph, tensor).dims) bytes *= static_cast<double>(dim < 0 ? 1 : dim);
  return bytes;
}

LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches) {
  return Liveness(graph, feeds, fetches).Find();
}

LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches,
                            const std::vector<std::vector<int64_t>>& sizes) {
  const tf::BufferPtr plain = tf::ToGraphDef(graph);
  Scope sized;
  std::vector<TF_Output> inputs;
  tf::ImportOptions options;
  options.prefix = "sized";
  for (size_t i = 0; i < feeds.size(); ++i) {
    inputs.push_back(sized.Placeholder(Scope::GetDType(feeds[i]), Shape::Of(sizes[i]), "feed"));
    options.inputs.push_back({{C().TF_OperationName(feeds[i].oper), feeds[i].index}, inputs[i]});
  }
  for (const TF_Output& fetch : fetches) {
    options.outputs.push_back({C().TF_OperationName(fetch.oper), fetch.index});
  }
  LeastMemory least = FindLeastMemory(sized.graph(), inputs,
                                      tf::ImportGraphDef(sized.graph(), tf::View(plain.get()), options));
  least.largest_op = least.largest_op.substr(least.largest_op.find('/') + 1);
  return least;
}

}  // namespace ke::graph
