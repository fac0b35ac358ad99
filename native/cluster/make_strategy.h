// Strategies of replicas in this process and on workers.
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
  // This package's version: workers of another are refused.
  std::string package = {};
};

// Throws INVALID_ARGUMENT where there is no replica, or a target is no address. Threads start with the first
// run, and so do the connections to workers.
Strategy MakeStrategy(StrategyOptions options);

}  // namespace ke::runtime
