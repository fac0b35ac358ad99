#include "cluster/worker_identity.h"

#include <algorithm>

#include "runtime/tensor.h"
#include "tensorflow/device_kind.h"

namespace ke::runtime {

using graph::Shape;
using tf::C;

namespace {

constexpr char kName[] = "keras_explainable/worker";
constexpr size_t kLongestIdentity = 1 << 20;

std::string TextOf(const tf::TensorPtr& scalar) {
  if (C().TF_TensorType(scalar.get()) != TF_STRING || C().TF_NumDims(scalar.get()) != 0) {
    throw tf::Error(TF_DATA_LOSS, "the identity of the worker is not a string");
  }
  const auto* text = static_cast<const TF_TString*>(C().TF_TensorData(scalar.get()));
  return {C().TF_StringGetDataPointer(text), std::min(kLongestIdentity, C().TF_StringGetSize(text))};
}

}  // namespace

IdentitySession::IdentitySession(const std::string& target, int timeout_ms) {
  const Shape scalar = Shape::Of({});
  const std::string host = tf::DeviceName(tf::kCpu, 0);
  const TF_Output handle = scope_.Op("VarHandleOp", "worker")
                               .AttrType("dtype", TF_STRING)
                               .AttrShape("shape", scalar)
                               .AttrString("shared_name", kName)
                               .Device(host)
                               .Out();
  value_ = scope_.Placeholder(TF_STRING, scalar, "value");
  assign_ = scope_.Op("AssignVariableOp").In(handle).In(value_).Device(host).Finish();
  known_ = scope_.Op("VarIsInitializedOp").In(handle).Device(host).Out();
  read_ = scope_.Op("ReadVariableOp").In(handle).AttrType("dtype", TF_STRING).Device(host).Out();
  SessionConfig config;
  config.target = target;
  config.timeout_ms = timeout_ms;
  session_ = std::make_unique<Session>(scope_.graph(), config);
}

IdentitySession::~IdentitySession() = default;

void IdentitySession::Publish(const std::string& json) const {
  const std::shared_ptr<TF_Tensor> value = MakeStrings({}, {json});
  session_->Initialize({{value_, value, assign_, read_, known_}});
}

WorkerIdentity IdentitySession::Read() const {
  const std::vector<tf::TensorPtr> known = session_->Run({}, {}, {known_});
  if (!ToAnswer(known[0].get(), "it is a worker of keras-explainable")) {
    throw tf::Error(TF_FAILED_PRECONDITION,
                    "this is a TensorFlow server, but no worker of keras-explainable: start one with `npx "
                    "keras-explainable worker`");
  }
  return ReadIdentity(TextOf(session_->Run({}, {}, {read_})[0]));
}

}  // namespace ke::runtime
