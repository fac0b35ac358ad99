// The field numbers of the protocol buffers of TensorFlow and Keras, one namespace per message. Only fields
// that the addon reads or writes are listed.
#pragma once

#include <cstdint>

namespace ke::fields {

// An entry of any map<>.
namespace map_entry {
enum : uint32_t { kKey = 1, kValue = 2 };
}

// graph.proto, versions.proto, node_def.proto, attr_value.proto.
namespace graph_def {
enum : uint32_t { kNode = 1, kLibrary = 2, kVersions = 4 };
}
namespace node_def {
enum : uint32_t { kName = 1, kOp = 2, kInput = 3, kDevice = 4, kAttr = 5 };
}
// AttrValue, and AttrValue.ListValue, whose fields have the same numbers except kListFunctions.
namespace attr_value {
enum : uint32_t {
  kList = 1,
  kString = 2,
  kInt = 3,
  kFloat = 4,
  kBool = 5,
  kType = 6,
  kShape = 7,
  kTensor = 8,
  kPlaceholder = 9,
  kListFunctions = 9,
  kFunction = 10
};
}
namespace name_attr_list {
enum : uint32_t { kName = 1, kAttr = 2 };
}

// function.proto, op_def.proto.
namespace function_library {
enum : uint32_t { kFunction = 1, kRegisteredGradient = 3 };
}
namespace registered_gradient {
enum : uint32_t { kFunction = 1, kOpType = 2 };
}
namespace function_def {
enum : uint32_t { kSignature = 1, kNode = 3, kResult = 4 };
}
namespace op_list {
enum : uint32_t { kOp = 1 };
}
namespace op_def {
enum : uint32_t { kName = 1, kInput = 2, kOutput = 3, kAttr = 4, kIsStateful = 17 };
}
namespace arg_def {
enum : uint32_t { kName = 1, kType = 3, kTypeAttr = 4, kNumberAttr = 5, kTypeListAttr = 6, kIsRef = 16 };
}
namespace attr_def {
enum : uint32_t { kName = 1, kType = 2 };
}

// tensor.proto, tensor_shape.proto.
namespace tensor {
enum : uint32_t {
  kDType = 1,
  kShape = 2,
  kContent = 4,
  kFloats = 5,
  kDoubles = 6,
  kInts = 7,
  kStrings = 8,
  kInt64s = 10,
  kBools = 11,
  kHalves = 13,
  kUint32s = 16,
  kUint64s = 17
};
}
namespace tensor_shape {
enum : uint32_t { kDim = 2, kUnknownRank = 3 };
}
namespace shape_dim {
enum : uint32_t { kSize = 1 };
}

// saved_model.proto, meta_graph.proto, saver.proto.
namespace saved_model {
enum : uint32_t { kMetaGraph = 2 };
}
namespace meta_graph {
enum : uint32_t { kMetaInfo = 1, kGraph = 2, kSaver = 3, kSignature = 5, kAsset = 6, kObjectGraph = 7 };
}
namespace asset_file {
enum : uint32_t { kTensor = 1, kFile = 2 };
}
namespace meta_info {
enum : uint32_t { kTag = 4 };
}
namespace saver_def {
enum : uint32_t { kRestoreOpName = 3 };
}
namespace signature_def {
enum : uint32_t { kInput = 1, kOutput = 2 };
}
namespace tensor_info {
enum : uint32_t { kName = 1, kDType = 2, kShape = 3 };
}

// saved_object_graph.proto, trackable_object_graph.proto; Keras' saved_metadata.proto.
namespace object_graph {
enum : uint32_t { kNode = 1, kFunction = 2 };
}
namespace saved_object {
enum : uint32_t { kVariable = 7, kConstant = 9, kCapturedTensor = 12 };
}
namespace saved_constant {
enum : uint32_t { kOperation = 1 };
}
namespace captured_tensor {
enum : uint32_t { kName = 1, kFunction = 2 };
}
namespace saved_variable {
enum : uint32_t { kName = 6 };
}
namespace concrete_function {
enum : uint32_t { kBoundInput = 2, kOutputSignature = 4 };
}
// struct.proto: StructuredValue; ListValue and TupleValue have the same field.
namespace structured_value {
enum : uint32_t { kNone = 1, kList = 51, kTuple = 52 };
}
namespace structured_list {
enum : uint32_t { kValue = 1 };
}
namespace checkpoint_graph {
enum : uint32_t { kNode = 1 };
}
namespace checkpoint_object {
enum : uint32_t { kAttribute = 2 };
}
namespace checkpoint_attribute {
enum : uint32_t { kKey = 3 };
}
namespace keras_metadata {
enum : uint32_t { kNode = 1 };
}
namespace keras_object {
enum : uint32_t { kPath = 3, kIdentifier = 4, kMetadata = 5 };
}

// tensor_bundle.proto.
namespace bundle_header {
enum : uint32_t { kShards = 1, kEndianness = 2 };
}
namespace bundle_entry {
enum : uint32_t { kDType = 1, kShape = 2, kShard = 3, kOffset = 4, kSize = 5, kCrc32c = 6, kSlices = 7 };
}

// config.proto, rewriter_config.proto.
namespace config {
enum : uint32_t {
  kDeviceCount = 1,
  kIntraOpParallelismThreads = 2,
  kInterOpParallelismThreads = 5,
  kGpuOptions = 6,
  kAllowSoftPlacement = 7,
  kUsePerSessionThreads = 9,
  kGraphOptions = 10,
  kOperationTimeoutInMs = 11,
  kSessionInterOpThreadPool = 12
};
}
namespace gpu_options {
enum : uint32_t { kPerProcessGpuMemoryFraction = 1, kAllowGrowth = 4, kVisibleDeviceList = 5 };
}
namespace graph_options {
enum : uint32_t { kOptimizerOptions = 3, kRewriteOptions = 10 };
}
namespace optimizer_options {
enum : uint32_t { kOptLevel = 3, kGlobalJitLevel = 5 };
}
namespace rewriter_config {
enum : uint32_t { kRemapping = 14, kDisableMetaOptimizer = 19, kAutoMixedPrecisionOnednnBfloat16 = 31 };
}
namespace run_options {
enum : uint32_t { kTimeoutInMs = 2, kInterOpThreadPool = 3 };
}
namespace thread_pool {
enum : uint32_t { kNumThreads = 1, kGlobalName = 2 };
}

// tensorflow_server.proto, cluster.proto.
namespace server_def {
enum : uint32_t { kCluster = 1, kJobName = 2, kTaskIndex = 3, kDefaultSessionConfig = 4, kProtocol = 5 };
}
namespace cluster_def {
enum : uint32_t { kJob = 1 };
}
namespace job_def {
enum : uint32_t { kName = 1, kTasks = 2 };
}

}  // namespace ke::fields
