#include "runtime/worker_card.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/json.h"
#include "runtime/tensor.h"

namespace ke::runtime {

using graph::Shape;
using tf::C;

namespace {

constexpr char kName[] = "keras_explainable/worker";
constexpr char kHost[] = "/device:CPU:0";
constexpr size_t kLongestCard = 1 << 20;
constexpr int64_t kMostThreads = 1024;
constexpr size_t kMostDevices = 256;
constexpr size_t kLongestName = 64;

tf::Error Unreadable() { return {TF_DATA_LOSS, "what the worker says of itself cannot be read"}; }

// It stands in messages, and so on terminals.
std::string NameOf(const graph::Json& json, const char* key) {
  std::string name = json.TextOf(key);
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (name.empty() || name.size() > kLongestName || !printable) throw Unreadable();
  return name;
}

std::string TextOf(const tf::TensorPtr& scalar) {
  if (C().TF_TensorType(scalar.get()) != TF_STRING || C().TF_NumDims(scalar.get()) != 0) {
    throw tf::Error(TF_DATA_LOSS, "what the worker says of itself is no text");
  }
  const auto* text = static_cast<const TF_TString*>(C().TF_TensorData(scalar.get()));
  return {C().TF_StringGetDataPointer(text), std::min(kLongestCard, C().TF_StringGetSize(text))};
}

}  // namespace

WorkerDesk::WorkerDesk(const std::string& target, int timeout_ms) {
  const Shape scalar = Shape::Of({});
  const TF_Output handle = scope_.Op("VarHandleOp", "worker")
                               .AttrType("dtype", TF_STRING)
                               .AttrShape("shape", scalar)
                               .AttrString("shared_name", kName)
                               .Device(kHost)
                               .Out();
  value_ = scope_.Placeholder(TF_STRING, scalar, "value");
  assign_ = scope_.Op("AssignVariableOp").In(handle).In(value_).Device(kHost).Finish();
  known_ = scope_.Op("VarIsInitializedOp").In(handle).Device(kHost).Out();
  read_ = scope_.Op("ReadVariableOp").In(handle).AttrType("dtype", TF_STRING).Device(kHost).Out();
  SessionConfig config;
  config.target = target;
  config.timeout_ms = timeout_ms;
  session_ = std::make_unique<Session>(scope_.graph(), config);
}

WorkerDesk::~WorkerDesk() = default;

void WorkerDesk::Publish(const std::string& json) const {
  const std::shared_ptr<TF_Tensor> value = MakeStrings({}, {json});
  session_->Initialize({{value_, value, assign_, read_, known_}});
}

WorkerCard WorkerDesk::Read() const {
  const std::vector<tf::TensorPtr> known = session_->Run({}, {}, {known_});
  if (!ToAnswer(known[0].get(), "it is one")) {
    throw tf::Error(TF_FAILED_PRECONDITION,
                    "this is a TensorFlow server, but no worker of keras-explainable: start one with `npx "
                    "keras-explainable worker`");
  }
  WorkerCard card;
  card.json = TextOf(session_->Run({}, {}, {read_})[0]);
  const std::optional<graph::Json> json = graph::Json::Parse(card.json);
  if (!json) throw Unreadable();
  card.package = NameOf(*json, "package");
  card.tensorflow = NameOf(*json, "tensorflow");
  if (const graph::Json* threads = json->Find("threads")) {
    card.threads = static_cast<int>(std::clamp<int64_t>(threads->integer().value_or(1), 1, kMostThreads));
  }
  if (const graph::Json* devices = json->Find("devices")) {
    for (const graph::Json& device : devices->items()) {
      const std::string name = NameOf(device, "name");
      if (card.devices.size() == kMostDevices) throw Unreadable();
      card.devices.push_back(name.substr(std::min(name.size(), name.find("/device:"))));
    }
  }
  return card;
}

}  // namespace ke::runtime
