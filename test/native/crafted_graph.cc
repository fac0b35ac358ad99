#include "crafted_graph.h"

#include <fstream>
#include <random>

#include "graph_fixture.h"
#include "tensorflow/protozero.h"

namespace ke::graph {

namespace fs = std::filesystem;
using protozero::pbf_writer;

namespace {

void AppendTo(pbf_writer* parent, uint32_t field, const CraftedNode& node) {
  pbf_writer def(*parent, field);
  def.add_string(1, node.name);
  def.add_string(2, node.op);
  for (const std::string& input : node.inputs) def.add_string(3, input);
  for (const auto& [name, value] : node.attrs) {
    pbf_writer entry(def, 5);
    entry.add_string(1, name);
    entry.add_message(2, value);
  }
}

}  // namespace

std::string GraphBytes(const std::vector<CraftedNode>& nodes, const std::vector<CraftedFunction>& functions) {
  std::string bytes;
  pbf_writer graph(bytes);
  for (const CraftedNode& node : nodes) AppendTo(&graph, 1, node);
  pbf_writer library(graph, 2);
  for (const CraftedFunction& function : functions) {
    pbf_writer def(library, 1);
    {
      pbf_writer signature(def, 1);
      signature.add_string(1, function.name);
      for (size_t i = 0; i < function.arguments.size(); ++i) {
        pbf_writer argument(signature, 2);
        argument.add_string(1, i == 0 ? "x" : "x" + std::to_string(i));
        argument.add_enum(3, function.arguments[i]);
      }
      pbf_writer result(signature, 3);
      result.add_string(1, "y");
      result.add_enum(3, function.result_dtype);
    }
    for (const CraftedNode& node : function.nodes) AppendTo(&def, 3, node);
    pbf_writer result(def, 4);
    result.add_string(1, "y");
    result.add_string(2, function.result);
  }
  return bytes;
}

CraftedNode Input(const Shape& shape) {
  return {"x", "Placeholder", {}, {{"dtype", TypeAttr(TF_FLOAT)}, {"shape", ShapeAttr(shape)}}};
}

CraftedNode CallOf(const std::string& name, const std::string& function, const std::string& input) {
  std::string reference;
  {
    pbf_writer attr(reference);
    pbf_writer func(attr, 10);
    func.add_string(1, function);
  }
  std::string types;
  {
    pbf_writer attr(types);
    pbf_writer list(attr, 1);
    const int32_t floats[] = {TF_FLOAT};
    list.add_packed_int32(6, floats, floats + 1);
  }
  return {name, "PartitionedCall", {input}, {{"Tin", types}, {"Tout", types}, {"f", reference}}};
}

CraftedNode ConstOf(const std::string& name, TF_DataType dtype, const std::string& tensor) {
  std::string value;
  pbf_writer(value).add_message(8, tensor);
  return {name, "Const", {}, {{"dtype", TypeAttr(dtype)}, {"value", value}}};
}

std::string TensorOf(TF_DataType dtype, const std::vector<int64_t>& dims, const std::string& content) {
  std::string bytes;
  pbf_writer tensor(bytes);
  tensor.add_enum(1, dtype);
  {
    pbf_writer shape(tensor, 2);
    for (const int64_t size : dims) {
      pbf_writer dim(shape, 2);
      dim.add_int64(1, size);
    }
  }
  if (!content.empty()) tensor.add_bytes(4, content);
  const float one[] = {1};
  if (content.empty() && dtype == TF_FLOAT) tensor.add_packed_float(5, one, one + 1);
  return bytes;
}

LoadOptions At(const std::string& path) {
  LoadOptions options;
  options.path = path;
  return options;
}

tf::Error LoadError(const LoadOptions& options) {
  try {
    ModelGraph::Load(options);
  } catch (const tf::Error& error) {
    return error;
  }
  ADD_FAILURE() << options.path << " loads";
  return tf::Error(TF_OK, "");
}

void ExpectError(const LoadOptions& options, TF_Code code, const std::string& message) {
  const tf::Error error = LoadError(options);
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
}

BadInput::BadInput() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  folder_ =
      fs::temp_directory_path() / ("ke-import-" + std::to_string(std::random_device()()) + info->name());
  fs::create_directories(folder_);
}

BadInput::~BadInput() { fs::remove_all(folder_); }

std::string BadInput::Copy(const std::string& fixture) const {
  const fs::path to = folder_ / fixture;
  fs::remove_all(to);
  fs::copy(FixturePath(fixture) + "/model", to, fs::copy_options::recursive);
  return to.string();
}

std::string BadInput::Write(const std::string& name, const std::string& bytes) const {
  const std::string path = (folder_ / name).string();
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace ke::graph
