#include "runtime/instance.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "control/loop_ops.h"
#include "rewrite/with_device.h"
#include "runtime/compiled_function.h"
#include "runtime/remote_link.h"
#include "tensorflow/device_kind.h"
#include "tensorflow/import_graph.h"
#include "tensorflow/read_graph.h"

namespace ke::runtime {

using graph::SameIn;
using Initializers = std::vector<graph::Scope::Initializer>;

namespace {

// The timeout of calls to a server. Without a timeout, a call to a server that never returns would keep its
// thread, and the memory that the call holds, for ever. Runs have a longer timeout, because a run may take
// any time. Worker checks by other calls whether the server is still there.
constexpr int kCallMs = 120 * 1000;
constexpr int kRunMs = 24 * 60 * 60 * 1000;
// Waking other threads and being woken by them costs a tenth of this time.
constexpr std::chrono::milliseconds kShort(1);

tf::GraphPtr CopyOnto(TF_Graph* graph, const std::string& device) {
  const tf::BufferPtr plain = tf::ToGraphDef(graph);
  return tf::GraphOf(graph::WithDevice(tf::View(plain.get()), device));
}

// On an accelerator, TensorFlow computes ops without a device name one after the other, for all callers.
bool HasAccelerator(const Session& session) {
  const std::vector<Session::Device> devices = session.Devices();
  return std::any_of(devices.begin(), devices.end(),
                     [](const auto& each) { return tf::IsAccelerator(each.type); });
}

}  // namespace

Instance::Instance(const CompiledFunction& function, const Placement& placement, RemoteLink* link)
    : shard_number_(function.shard_number()) {
  for (const CompiledFunction::Feed& feed : function.feeds()) feeds_.push_back(feed.tensor);
  for (const CompiledFunction::Fetch& fetch : function.fetches()) fetches_.push_back(fetch.tensor);
  TF_Graph* graph = function.graph();
  Initializers initializers = function.initializers();
  if (!placement.device.empty()) {
    copy_ = CopyOnto(graph, placement.device);
    graph = copy_.get();
    for (TF_Output& feed : feeds_) feed = SameIn(graph, feed);
    for (TF_Output& fetch : fetches_) fetch = SameIn(graph, fetch);
    shard_number_ = SameIn(graph, shard_number_);
    for (graph::Scope::Initializer& initializer : initializers) initializer = SameIn(graph, initializer);
  }
  for (TF_Operation* op : function.kept()) kept_.push_back(SameIn(graph, TF_Output{op, 0}).oper);
  SessionConfig config = function.config();
  config.callers = placement.callers;
  config.target = placement.target;
  config.cpus = placement.cpus;
  if (placement.remote() || !placement.device.empty()) config.turns_at_once = 1;
  if (placement.remote()) {
    config.timeout_ms = kCallMs;
    config.run_timeout_ms = kRunMs;
  }
  session_ = std::make_unique<Session>(graph, config);
  const bool on_accelerator = HasAccelerator(*session_);
  may_spread_ = config.turns_at_once > 1 && !on_accelerator;
  // The memory of an accelerator or of a worker is not this process's memory.
  if (!placement.remote() && !on_accelerator) memory_check_.emplace(graph, feeds_, fetches_);
  if (link == nullptr) {
    session_->Initialize(initializers);
  } else {
    link->SendWeights(*session_, initializers);
  }
}

Instance::~Instance() {
  if (!leave_open_) session_->Close();
}

std::vector<tf::TensorPtr> Instance::Run(const std::vector<TensorRef>& feeds, bool spreads) const {
  if (memory_check_) memory_check_->Check(feeds);
  std::vector<TF_Output> inputs = feeds_;
  if (has_shard_number()) inputs.push_back(shard_number_);
  std::vector<TF_Tensor*> values;
  for (const TensorRef& feed : feeds) values.push_back(feed->handle());
  if (!may_spread_) return session_->Run(inputs, values, fetches_, kept_);
  const auto begun = std::chrono::steady_clock::now();
  std::vector<tf::TensorPtr> outputs = session_->Run(inputs, values, fetches_, kept_, spreads);
  was_short_ = std::chrono::steady_clock::now() - begun < kShort;
  return outputs;
}

}  // namespace ke::runtime
