// Measures a bare TF_SessionRun: session_run LIBRARY GRAPH FEED D0,D1,... FETCH...
//
// Prints the median of many runs in microseconds. Each run is on the calling thread, as in the addon. GRAPH
// is a frozen GraphDef. FEED and FETCH are operations with one output. The feed is float32.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/session.h"
#include "tensorflow/handles.h"
#include "tensorflow/library.h"

namespace ke {
namespace {

constexpr int kWarmUp = 1000;
constexpr int kRuns = 5000;

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<int64_t> ToDims(const std::string& text) {
  std::vector<int64_t> dims;
  std::istringstream stream(text);
  for (std::string size; std::getline(stream, size, ',');) dims.push_back(std::stoll(size));
  return dims;
}

void Import(TF_Graph* graph, const std::string& path) {
  const tf::BufferPtr bytes = tf::NewBuffer(Read(path));
  const tf::ImportOptionsPtr options(tf::C().TF_NewImportGraphDefOptions());
  tf::Status status;
  const tf::ImportResultsPtr results(
      tf::C().TF_GraphImportGraphDefWithResults(graph, bytes.get(), options.get(), status));
  status.Check();
}

TF_Output Find(TF_Graph* graph, const char* name) {
  TF_Operation* op = tf::C().TF_GraphOperationByName(graph, name);
  if (op == nullptr) throw tf::Error(TF_NOT_FOUND, std::string("There is no operation ") + name, "");
  return {op, 0};
}

double MedianMicroseconds(const std::vector<std::string>& arguments) {
  tf::LoadLibrary(arguments[0]);
  const tf::GraphPtr graph(tf::C().TF_NewGraph());
  Import(graph.get(), arguments[1]);
  const TF_Output feed = Find(graph.get(), arguments[2].c_str());
  const std::vector<int64_t> dims = ToDims(arguments[3]);
  std::vector<TF_Output> fetches;
  for (size_t i = 4; i < arguments.size(); ++i) fetches.push_back(Find(graph.get(), arguments[i].c_str()));
  const tf::TensorPtr value = tf::AllocateTensor(TF_FLOAT, dims);
  float* values = static_cast<float*>(tf::C().TF_TensorData(value.get()));
  std::iota(values, values + tf::C().TF_TensorElementCount(value.get()), 0.0f);

  const runtime::Session session(graph.get(), {});
  std::vector<double> times;
  for (int i = 0; i < kWarmUp + kRuns; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    session.Run({feed}, {value.get()}, fetches);
    const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begun;
    if (i >= kWarmUp) times.push_back(spent.count());
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return times[kRuns / 2];
}

}  // namespace
}  // namespace ke

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "session_run LIBRARY GRAPH FEED D0,D1,... FETCH...\n");
    return 2;
  }
  try {
    std::printf("%.3f\n", ke::MedianMicroseconds({argv + 1, argv + argc}));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
