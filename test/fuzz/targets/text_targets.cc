#include <string>

#include "cluster/worker_identity.h"
#include "layers/keras_metadata.h"
#include "refusal.h"
#include "targets.h"

namespace ke::fuzz {

void KerasMetadata(std::string_view bytes) { graph::ReadKerasModel(std::string(bytes)); }

void WorkerIdentityJson(std::string_view bytes) {
  Try([&] { runtime::ReadIdentity(std::string(bytes)); });
}

}  // namespace ke::fuzz
