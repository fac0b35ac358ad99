#include "runtime/session.h"

#include <exception>
#include <string>
#include <utility>

#include "numerics/numerics_op.h"
#include "runtime/config_proto.h"
#include "runtime/flush_subnormals.h"
#include "runtime/process.h"
#include "tensorflow/kernel_order.h"
#include "tensorflow/node_name.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::runtime {

using tf::C;

namespace {

namespace optimizer_options = fields::optimizer_options;
namespace rewriter_config = fields::rewriter_config;

// Values of enums of those messages.
constexpr int kNoOptimization = -1;  // OptimizerOptions.Level
constexpr int kJitOn2 = 2;           // OptimizerOptions.GlobalJitLevel
constexpr int kOn = 1;               // RewriterConfig.Toggle
constexpr int kOff = 2;

// Returns whether runs use the caller's thread as the inter-op pool. With one op thread, that saves 13 us per
// run and is the fastest mode for many callers. With more op threads that mode is the slowest, so sessions
// with more op threads have pools of their own.
bool RunsInCaller(const SessionConfig& config) { return config.target.empty() && config.intra_op == 1; }

// Runs the graph as it was built: no op is fused, folded or moved.
void AddPlainGraph(protozero::pbf_writer* writer) {
  protozero::pbf_writer graph(*writer, fields::config::kGraphOptions);
  {
    protozero::pbf_writer optimizer(graph, fields::graph_options::kOptimizerOptions);
    optimizer.add_enum(optimizer_options::kOptLevel, kNoOptimization);
  }
  protozero::pbf_writer rewriter(graph, fields::graph_options::kRewriteOptions);
  rewriter.add_bool(rewriter_config::kDisableMetaOptimizer, true);
}

// Remapping is never AGGRESSIVE. TensorFlow would take the shapes of feeds as known and fuse sums of two
// activations into convolutions. The kernel of such a convolution keeps the added tensor in members, so two
// concurrent runs of one session overwrite each other's tensor. A crash was seen; a wrong sum is possible.
// Remapping is off for bfloat16 on a server: a server validates the fused graph before oneDNN's ops are
// inserted, and then refuses fused convolutions of bfloat16.
void AddFastGraph(const SessionConfig& config, protozero::pbf_writer* writer) {
  protozero::pbf_writer graph(*writer, fields::config::kGraphOptions);
  if (config.jit_compile) {
    protozero::pbf_writer optimizer(graph, fields::graph_options::kOptimizerOptions);
    optimizer.add_enum(optimizer_options::kGlobalJitLevel, kJitOn2);
  }
  protozero::pbf_writer rewriter(graph, fields::graph_options::kRewriteOptions);
  if (config.bfloat16 && !config.target.empty()) {
    rewriter.add_enum(rewriter_config::kRemapping, kOff);
  }
  if (config.bfloat16) rewriter.add_enum(rewriter_config::kAutoMixedPrecisionOnednnBfloat16, kOn);
}

// Adds a pool for runs that spread over several threads. Other runs select the caller's thread by their run
// options. The pool's name makes all sessions of the process share the pool, which TensorFlow keeps until the
// process ends.
void AddSpreadPool(int threads, protozero::pbf_writer* writer) {
  protozero::pbf_writer pool(*writer, fields::config::kSessionInterOpThreadPool);
  pool.add_int32(fields::thread_pool::kNumThreads, threads);
  pool.add_string(fields::thread_pool::kGlobalName, "keras_explainable_" + std::to_string(threads));
}

std::string ConfigProto(const SessionConfig& config) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  writer.add_bool(fields::config::kAllowSoftPlacement, true);
  if (config.target.empty()) {
    if (config.cpus > 1) config_proto::AddDeviceCount(tf::kCpu, config.cpus, &writer);
    writer.add_int32(fields::config::kIntraOpParallelismThreads, config.intra_op);
    writer.add_int32(fields::config::kInterOpParallelismThreads, RunsInCaller(config) ? 1 : config.callers);
    writer.add_message(fields::config::kGpuOptions, GpuOptionsProto());
    writer.add_bool(fields::config::kUsePerSessionThreads, !RunsInCaller(config));
    if (RunsInCaller(config) && config.turns_at_once > 1) AddSpreadPool(config.turns_at_once, &writer);
  }
  if (config.check_numerics || config.as_built) {
    AddPlainGraph(&writer);
  } else {
    AddFastGraph(config, &writer);
  }
  if (config.timeout_ms > 0) writer.add_int64(fields::config::kOperationTimeoutInMs, config.timeout_ms);
  return bytes;
}

// oneDNN's status 1 means out of memory. TensorFlow reports the status as ABORTED, in these words.
constexpr const char* kOneDnnOutOfMemory = "Operation received an exception:Status: 1,";

[[noreturn]] void ThrowRunError(const tf::Status& status) {
  const std::string message = status.message();
  if (auto numerics = graph::FindNumericsError(message)) throw std::move(*numerics);
  const bool memory = message.find(kOneDnnOutOfMemory) != std::string::npos;
  throw tf::Error(memory ? TF_RESOURCE_EXHAUSTED : status.code(), message, tf::NodeNamedIn(message));
}

// If a kernel runs in the caller's thread, its exceptions pass through TensorFlow: std::bad_alloc, or
// oneDNN's own class for an object that could not be made. oneDNN's exception does not give the reason. Every
// such exception seen so far was a lack of memory.
[[noreturn]] void ThrowKernelError(const std::exception& error) {
  throw tf::Error(TF_RESOURCE_EXHAUSTED,
                  std::string("an op of TensorFlow could not allocate a resource, most likely "
                              "memory: ") +
                      error.what());
}

std::string RunOptions(const SessionConfig& config, bool spreads) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  const bool in_caller = RunsInCaller(config) && !(spreads && config.turns_at_once > 1);
  // Also with numerics checks, so that every run finds the same op: a single thread runs the ops in one
  // order.
  if (in_caller || config.check_numerics) writer.add_int32(fields::run_options::kInterOpThreadPool, -1);
  if (config.run_timeout_ms > 0) writer.add_int64(fields::run_options::kTimeoutInMs, config.run_timeout_ms);
  return bytes;
}

}  // namespace

Session::Session(TF_Graph* graph, const SessionConfig& config)
    : run_options_(tf::NewBuffer(RunOptions(config, false))),
      spread_options_(tf::NewBuffer(RunOptions(config, true))) {
  const tf::SessionOptionsPtr options(C().TF_NewSessionOptions());
  const std::string proto = ConfigProto(config);
  tf::Status status;
  C().TF_SetConfig(options.get(), proto.data(), proto.size(), status);
  status.Check();
  if (!config.target.empty()) C().TF_SetTarget(options.get(), config.target.c_str());
  session_ = C().TF_NewSession(graph, options.get(), status);
  status.Check();
}

Session::~Session() {
  if (left_in_the_middle_) return;
  tf::Status status;  // a failure of the deletion is ignored
  C().TF_DeleteSession(session_, status);
}

void Session::Close() const noexcept {
  // Close would cancel the run that a kernel left by an exception, and the frames of that run no longer
  // exist.
  if (left_in_the_middle_) return;
  tf::Status status;
  C().TF_CloseSession(session_, status);
}

std::vector<Session::Device> Session::Devices() const {
  tf::Status status;
  const std::unique_ptr<TF_DeviceList, tf::Deleter<TF_DeviceList, &tf::Functions::TF_DeleteDeviceList>> list(
      C().TF_SessionListDevices(session_, status));
  status.Check();
  std::vector<Device> devices;
  for (int i = 0; i < C().TF_DeviceListCount(list.get()); ++i) {
    Device device;
    device.name = C().TF_DeviceListName(list.get(), i, status);
    device.type = C().TF_DeviceListType(list.get(), i, status);
    device.memory_bytes = C().TF_DeviceListMemoryBytes(list.get(), i, status);
    devices.push_back(std::move(device));
  }
  return devices;
}

void Session::Initialize(const std::vector<graph::Scope::Initializer>& initializers) const {
  if (initializers.empty()) return;
  std::vector<TF_Output> feeds;
  std::vector<TF_Tensor*> values;
  std::vector<const TF_Operation*> assigns;
  for (const graph::Scope::Initializer& initializer : initializers) {
    feeds.push_back(initializer.feed);
    values.push_back(initializer.value.get());
    assigns.push_back(initializer.assign);
  }
  Run(run_options_.get(), feeds, values, {}, nullptr, assigns);
}

void Session::Run(const TF_Buffer* options, const std::vector<TF_Output>& inputs,
                  const std::vector<TF_Tensor*>& input_values, const std::vector<TF_Output>& outputs,
                  TF_Tensor** values, const std::vector<const TF_Operation*>& targets) const {
  tf::Status status;
  try {
    const FlushSubnormals flush;
    C().TF_SessionRun(session_, options, inputs.data(), input_values.data(), static_cast<int>(inputs.size()),
                      outputs.data(), values, static_cast<int>(outputs.size()), targets.data(),
                      static_cast<int>(targets.size()), nullptr, status);
  } catch (const std::exception& error) {
    left_in_the_middle_ = true;
    ThrowKernelError(error);
  }
  tf::RunReturns();
  if (!status.ok()) ThrowRunError(status);
}

std::vector<tf::TensorPtr> Session::Run(const std::vector<TF_Output>& inputs,
                                        const std::vector<TF_Tensor*>& input_values,
                                        const std::vector<TF_Output>& outputs,
                                        const std::vector<const TF_Operation*>& kept, bool spreads) const {
  std::vector<TF_Tensor*> values(outputs.size(), nullptr);
  std::vector<tf::TensorPtr> owned(outputs.size());
  Run((spreads ? spread_options_ : run_options_).get(), inputs, input_values, outputs, values.data(), kept);
  for (size_t i = 0; i < values.size(); ++i) owned[i].reset(values[i]);
  return owned;
}

std::vector<Session::Device> ListDevices() {
  const tf::GraphPtr graph(C().TF_NewGraph());
  const Session session(graph.get(), {});
  return session.Devices();
}

}  // namespace ke::runtime
