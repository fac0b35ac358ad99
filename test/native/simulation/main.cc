// ke_simulate: measures the loop with simulated replicas, and the cost of a hop to a worker. The figures are
// for docs/scaling.md. The program is not shipped.
//
//     cmake -B build/cmake -DKE_BUILD_SIMULATION=ON && cmake --build build/cmake --target ke_simulate
//     export KERAS_EXPLAINABLE_TENSORFLOW_DIR=...   (`npx keras-explainable doctor` prints the directory)
//     build/cmake/ke_simulate --replicas 1,2,4,1000 --shard-ms 100 --mtbf-s 60
//     build/cmake/ke_simulate --hops 50
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "server_process.h"
#include "simulation/hop.h"
#include "simulation/simulation.h"
#include "tensorflow/library.h"

namespace {

using ke::test::SimulationOptions;

std::vector<int> Numbers(const std::string& list) {
  std::vector<int> numbers;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) numbers.push_back(std::stoi(part));
  return numbers;
}

int Simulate(const std::vector<std::string>& arguments) {
  SimulationOptions options;
  std::vector<int> replicas = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000};
  const std::map<std::string, std::function<void(const std::string&)>> flags = {
      {"--replicas", [&](const std::string& value) { replicas = Numbers(value); }},
      {"--seconds", [&](const std::string& value) { options.seconds = std::stod(value); }},
      {"--shard-ms", [&](const std::string& value) { options.shard_ms = std::stod(value); }},
      {"--spread", [&](const std::string& value) { options.spread = std::stod(value); }},
      {"--unequal", [&](const std::string& value) { options.unequal = std::stod(value); }},
      {"--stragglers", [&](const std::string& value) { options.stragglers = std::stod(value); }},
      {"--straggler-factor", [&](const std::string& value) { options.straggler_factor = std::stod(value); }},
      {"--mtbf-s", [&](const std::string& value) { options.mtbf_s = std::stod(value); }},
      {"--outage-ms", [&](const std::string& value) { options.outage_ms = std::stod(value); }},
      {"--notice-ms", [&](const std::string& value) { options.notice_ms = std::stod(value); }},
      {"--shard-size", [&](const std::string& value) { options.shard_size = std::stoi(value); }},
      {"--shards-per-replica",
       [&](const std::string& value) { options.shards_per_replica = std::stoi(value); }},
      {"--in-flight", [&](const std::string& value) { options.in_flight = std::stoi(value); }},
      {"--retries", [&](const std::string& value) { options.retries = std::stoi(value); }},
      {"--seed", [&](const std::string& value) { options.seed = static_cast<unsigned>(std::stoul(value)); }},
  };
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const auto flag = flags.find(arguments[i]);
    if (flag == flags.end() || i + 1 == arguments.size()) {
      std::fprintf(stderr,
                   "%s: an unknown flag, or a flag without a value. The flags are --hops REPEATS and:",
                   arguments[i].c_str());
      for (const auto& [name, set] : flags) std::fprintf(stderr, " %s", name.c_str());
      std::fprintf(stderr, "\n");
      return 2;
    }
    flag->second(arguments[i + 1]);
  }
  bool lost = false;
  for (const int count : replicas) {
    options.replicas = count;
    const ke::test::SimulationResult result = ke::test::Simulate(options);
    std::cout << ToJson(options, result) << std::endl;
    lost |= result.lost_samples > 0 || !result.in_order;
  }
  return lost ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    const char* directory = std::getenv("KERAS_EXPLAINABLE_TENSORFLOW_DIR");
    if (directory == nullptr) throw std::runtime_error("set KERAS_EXPLAINABLE_TENSORFLOW_DIR");
    ke::tf::LoadLibrary(std::string(directory) + "/libtensorflow_cc.so.2");
    if (!arguments.empty() && arguments[0] == "--serve") {
      return ke::test::Serve({arguments.begin() + 1, arguments.end()});
    }
    if (arguments.size() == 2 && arguments[0] == "--hops") {
      std::cout << ke::test::MeasureHops(std::stoi(arguments[1])) << std::endl;
      return 0;
    }
    return Simulate(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
