// The tape on random graphs of every op that has a rule: 200 graphs per run, from a seed that is printed.
// KE_SEED repeats a run. KE_GRAPHS=7 (or 7-9) selects one or several graphs of the run. KE_RUNS makes several
// runs.
#include "random_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "gradient/registry.h"

namespace ke::test {
namespace {

constexpr size_t kGraphs = 200;
// One in this many graphs has blocks that compute in float32. Differences are less exact in such graphs.
constexpr size_t kSingleEvery = 5;
// The maximum number of draws of the values, which are drawn again near a kink or a jump,
constexpr int kMostDraws = 4;
// and then the maximum number of draws of the connections between a graph's blocks.
constexpr size_t kMostVariants = 6;

const std::vector<Block>& Blocks() {
  static const std::vector<Block> blocks = RunnableBlocks();
  return blocks;
}

struct Counts {
  int graphs = 0;
  int redrawn = 0;
  int abandoned = 0;
};

// Shuffles the blocks by the seed and distributes them over the run's graphs. Every block is in at least one
// graph. Blocks that compute in float32 are only in graphs of such blocks.
std::vector<const Block*> Deal(uint64_t seed, size_t graph) {
  const bool single = graph % kSingleEvery == 0;
  std::vector<const Block*> deck;
  for (const Block& block : Blocks()) {
    if (IsSingle(block.test) == single) deck.push_back(&block);
  }
  Draw draw(seed);
  for (size_t i = deck.size(); i > 1; --i) std::swap(deck[i - 1], deck[draw.Below(i)]);
  const size_t singles = kGraphs / kSingleEvery;
  const size_t place = graph / kSingleEvery;
  const size_t step = single ? singles : kGraphs - singles;
  std::vector<const Block*> dealt;
  for (size_t i = single ? place : graph - place - 1; i < deck.size(); i += step) dealt.push_back(deck[i]);
  return dealt;
}

std::string Spell(const std::vector<std::string>& blocks) {
  std::string text;
  for (const std::string& block : blocks) text += (text.empty() ? "" : ", ") + block;
  return text;
}

RandomGraph GraphOf(uint64_t seed, size_t number, size_t variant = 0) {
  return MakeRandomGraph(seed * 1000003 + number + (variant << 40), Deal(seed, number), Blocks());
}

// Returns false if the graph has no derivative at any of the drawn values.
bool CheckVariant(RandomGraph graph, const std::string& where, Draw* draw, Counts* counts) {
  SCOPED_TRACE(where + ": " + Spell(graph.blocks));
  // In float64 the extrapolated differences are more exact than the differences of one step.
  if (!graph.test.single_inside) graph.test.tolerance = 1e-6;
  constexpr Mode kModes[] = {Mode::kStatic, Mode::kBatch, Mode::kRank, Mode::kUnknownRank, Mode::kBody};
  const std::vector<Mode> modes = {kModes[draw->Below(std::size(kModes))]};
  for (int i = 0; i < kMostDraws; ++i) {
    if (CheckGradientAt(graph.test, static_cast<unsigned>(draw->Below(1U << 31)), modes)) return true;
    ++counts->redrawn;
  }
  return false;
}

void CheckGraph(uint64_t seed, size_t number, std::map<std::string, int>* coverage, Counts* all_counts) {
  Counts* counts = &all_counts[number % kSingleEvery == 0 ? 1 : 0];
  ++counts->graphs;
  const std::string where = "KE_SEED=" + std::to_string(seed) + " KE_GRAPHS=" + std::to_string(number);
  Draw draw(seed ^ (number << 32));
  for (size_t variant = 0; variant < kMostVariants; ++variant) {
    const RandomGraph graph = GraphOf(seed, number, variant);
    if (!CheckVariant(graph, where, &draw, counts)) continue;
    std::set<std::string> types;
    for (const std::string& type : OpTypes(graph.test)) types.insert(type);
    for (const std::string& type : types) ++(*coverage)[type];
    return;
  }
  ++counts->abandoned;
  std::printf("  graph %zu has no derivative at any drawn values: %s\n", number,
              Spell(GraphOf(seed, number).blocks).c_str());
}

void CheckRun(uint64_t seed, size_t first, size_t last) {
  std::printf("  seed %llu\n", static_cast<unsigned long long>(seed));
  std::map<std::string, int> coverage;
  // The counts of graphs in float64, and of graphs that compute in float32 somewhere, whose steps are a
  // hundred times as wide.
  Counts counts[2];
  for (size_t i = first; i <= last; ++i) CheckGraph(seed, i, &coverage, counts);
  if (last - first + 1 < kGraphs) return;
  std::string table;
  for (const std::string& type : gradient::Registry::Get().Types()) {
    table += " " + type + " " + std::to_string(coverage[type]);
    // PreventGradient forbids its gradient, and no difference approximates a gradient by definition.
    const std::vector<std::string>& defined = GradientsDefinedByTensorflow();
    if (type == "PreventGradient" || std::find(defined.begin(), defined.end(), type) != defined.end())
      continue;
    EXPECT_GT(coverage[type], 0) << "no graph has an op " << type;
  }
  std::printf("  graphs by op:%s\n", table.c_str());
  for (int single = 0; single < 2; ++single) {
    const Counts& count = counts[single];
    std::printf("  %d graphs in %s: values drawn again %d times, abandoned %d\n", count.graphs,
                single == 0 ? "float64" : "float64 and float32", count.redrawn, count.abandoned);
    EXPECT_LE(count.abandoned, count.graphs / 40);
  }
}

uint64_t FreshSeed() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) % 1000000;
}

TEST(RandomGraphs, AgreeWithFiniteDifferences) {
  const char* set = std::getenv("KE_SEED");
  uint64_t seed = set != nullptr ? std::strtoull(set, nullptr, 10) : FreshSeed();
  size_t first = 0;
  size_t last = kGraphs - 1;
  if (const char* some = std::getenv("KE_GRAPHS")) {
    char* rest = nullptr;
    first = last = std::strtoul(some, &rest, 10);
    if (*rest == '-') last = std::strtoul(rest + 1, nullptr, 10);
  }
  const char* runs = std::getenv("KE_RUNS");
  for (long left = runs != nullptr ? std::strtol(runs, nullptr, 10) : 1; left > 0; --left) {
    CheckRun(seed++, first, last);
  }
}

TEST(RandomGraphs, AreTheSameForTheSameSeed) {
  for (size_t i = 0; i < 5; ++i) {
    const RandomGraph graph = GraphOf(7, i);
    EXPECT_EQ(graph.blocks, GraphOf(7, i).blocks);
    EXPECT_EQ(OpTypes(graph.test), OpTypes(GraphOf(7, i).test));
    EXPECT_NE(graph.blocks, GraphOf(8, i).blocks);
  }
}

}  // namespace
}  // namespace ke::test
