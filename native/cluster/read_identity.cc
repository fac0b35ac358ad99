#include <algorithm>
#include <optional>
#include <utility>

#include "cluster/worker_identity.h"
#include "tensorflow/device_kind.h"
#include "tensorflow/error.h"
#include "wire/json.h"

namespace ke::runtime {

namespace {

constexpr int64_t kMostThreads = 1024;
constexpr size_t kMostDevices = 256;
constexpr size_t kLongestName = 64;

tf::Error Unreadable() { return {TF_DATA_LOSS, "the identity of the worker cannot be read"}; }

// Returns a name of the identity. The name must be printable, because messages show the name on terminals.
std::string NameOf(const graph::Json& json, const char* key) {
  std::string name = json.TextOf(key);
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (name.empty() || name.size() > kLongestName || !printable) throw Unreadable();
  return name;
}

}  // namespace

WorkerIdentity ReadIdentity(std::string text) {
  WorkerIdentity identity;
  identity.json = std::move(text);
  const std::optional<graph::Json> json = graph::Json::Parse(identity.json);
  if (!json) throw Unreadable();
  identity.package = NameOf(*json, "package");
  identity.tensorflow = NameOf(*json, "tensorflow");
  if (const graph::Json* threads = json->Find("threads")) {
    identity.threads = static_cast<int>(std::clamp<int64_t>(threads->integer().value_or(1), 1, kMostThreads));
  }
  if (const graph::Json* devices = json->Find("devices")) {
    for (const graph::Json& device : devices->items()) {
      const std::string name = NameOf(device, "name");
      if (identity.devices.size() == kMostDevices) throw Unreadable();
      identity.devices.emplace_back(tf::ShortDeviceName(name));
    }
  }
  return identity;
}

}  // namespace ke::runtime
