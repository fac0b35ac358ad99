#include "targets.h"

#include <stdexcept>
#include <string>

namespace ke::fuzz {

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {"saved_model", SavedModel, true},
      {"frozen_graph", FrozenGraph, true},
      {"inline", Inline, true},
      {"keras_metadata", KerasMetadata, true},
      {"checkpoint", CheckpointFiles, true},
      {"worker_identity", WorkerIdentityJson, false},
  };
  return targets;
}

const Target& FindTarget(std::string_view name) {
  for (const Target& target : Targets()) {
    if (target.name == name) return target;
  }
  throw std::out_of_range("there is no fuzz target " + std::string(name));
}

}  // namespace ke::fuzz
