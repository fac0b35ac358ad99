#include <string>

#include "graph/keras_metadata.h"
#include "refusal.h"
#include "runtime/worker_card.h"
#include "targets.h"

namespace ke::fuzz {

void KerasMetadata(std::string_view bytes) { graph::ReadKerasModel(std::string(bytes)); }

void Card(std::string_view bytes) {
  Try([&] { runtime::ReadCard(std::string(bytes)); });
}

}  // namespace ke::fuzz
