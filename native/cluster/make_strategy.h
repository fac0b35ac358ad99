// Makes strategies of replicas in this process and on workers.
#pragma once

#include <string>
#include <vector>

#include "runtime/placement.h"
#include "runtime/strategy.h"

namespace ke::runtime {

struct StrategyOptions {
  struct Member {
    Placement placement;
    int64_t shards_at_once = 1;
  };
  std::vector<Member> replicas;
  int timeout_ms = 30000;
  int retries = 3;
  // This package's version. Workers of another version are refused.
  std::string package = {};
};

// Throws INVALID_ARGUMENT if there is no replica, or if a target is not an address. The first run starts the
// threads and connects to the workers.
Strategy MakeStrategy(StrategyOptions options);

}  // namespace ke::runtime
