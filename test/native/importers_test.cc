// Tests of the format of a path: recognised by content, in bounded reads, without blocking.
#include "import/importers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "crafted_graph.h"
#include "graph_fixture.h"
#include "import/other_formats.h"
#include "wire/bounds.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;

class Importers : public BadInput {
 protected:
  // Returns the format as which the path is imported, or "" for none.
  static std::string FormatOf(const std::string& path) {
    const PathSample sample = SampleOf(path);
    const Importer* importer = FindOtherFormat(sample) == nullptr ? FindImporter(sample) : nullptr;
    return importer == nullptr ? "" : std::string(importer->format);
  }

  std::string WriteIn(const std::string& directory, const std::string& name, const std::string& bytes) const {
    fs::create_directories(folder_ / directory);
    Write(directory + "/" + name, bytes);
    return (folder_ / directory).string();
  }

  std::string Link(const std::string& name, const std::string& target) const {
    fs::create_symlink(target, folder_ / name);
    return (folder_ / name).string();
  }
};

const std::string kFrozen = "a frozen GraphDef (.pb)";
const std::string kSaved = "a SavedModel (a directory with saved_model.pb)";

std::string Relu() { return GraphBytes({Input(), {"y", "Relu", {"x"}}}); }

// Returns the header of the first member of a zip, as Python's zipfile writes it, and the member.
std::string ZipOf(const std::string& name) {
  const auto size = static_cast<char>(name.size());
  return "PK\x03\x04\x14\0\0\0\0\0"s + std::string(16, '\0') + size + "\0\0\0"s + name + "{}";
}

TEST_F(Importers, RecogniseAFrozenGraphOfAnyName) {
  for (const char* name : {"model.bin", "model", "model.keras", "model.h5", "model.json", "saved_model.pb"}) {
    const std::string path = Write(name, Relu());
    EXPECT_EQ(FormatOf(path), kFrozen) << name;
    EXPECT_EQ(ModelGraph::Load(At(path))->output_tensors(), (std::vector<std::string>{"y:0"})) << name;
  }
  EXPECT_EQ(FormatOf(Link("link", "model.bin")), kFrozen);
  // TensorFlow's tools write such files for a graph with functions but without nodes, and for a graph that
  // begins with its versions.
  EXPECT_EQ(FormatOf(Write("library", GraphBytes({}, {{"f", {}, "x"}}))), kFrozen);
  EXPECT_EQ(FormatOf(Write("versions", "\x22\x03\x08\xaa\x10")), kFrozen);
  // The name of a node may look like the mark of another format.
  for (const char* name : {"TFL3", "TFL3/input", "PK", "node {"}) {
    EXPECT_EQ(FormatOf(Write("graph", GraphBytes({{name, "Placeholder", {}, {}}}))), kFrozen) << name;
  }
}

TEST_F(Importers, RecogniseASavedModelByDirectoryOrFile) {
  const std::string model = Copy("keras3-nested");
  const auto whole = ModelGraph::Load(At(model));
  for (const std::string& path : {model, model + "/", model + "/saved_model.pb", Link("link", model),
                                  Link("saved_model.pb", model + "/saved_model.pb")}) {
    EXPECT_EQ(FormatOf(path), kSaved) << path;
  }
  const auto from_file = ModelGraph::Load(At(model + "/saved_model.pb"));
  ASSERT_EQ(from_file->layers().size(), whole->layers().size());
  EXPECT_EQ(from_file->weights().size(), whole->weights().size());
  EXPECT_GT(from_file->weights().size(), 0U);
  // Other models in the directory do not matter.
  WriteIn("keras3-nested", "model.json", R"({"modelTopology": {}})");
  WriteIn("keras3-nested", "checkpoint", "model_checkpoint_path: \"variables\"");
  EXPECT_EQ(FormatOf(model), kSaved);
}

// Like a call in the model's own directory, where the path of the file has no directory.
TEST_F(Importers, AcceptARelativePathOfASavedModelFile) {
  const std::string model = Copy("keras3-nested");
  const fs::path before = fs::current_path();
  fs::current_path(model);
  EXPECT_NO_THROW(ModelGraph::Load(At("saved_model.pb")));
  EXPECT_NO_THROW(ModelGraph::Load(At(".")));
  fs::current_path(before);
}

TEST_F(Importers, NameOtherFormatsAndTheFix) {
  const auto refuse = [&](const std::string& path, const std::string& name, const std::string& mend) {
    EXPECT_EQ(FormatOf(path), "") << path;
    ExpectError(At(path), TF_UNIMPLEMENTED, path + " is " + name);
    ExpectError(At(path), TF_UNIMPLEMENTED, mend);
  };
  refuse(Write("a.keras", ZipOf("model/data.pkl")), "a zip archive", "Unpack it");
  refuse(Write("a", "PK\x05\x06" + std::string(18, '\0')), "a zip archive", "Unpack it");
  refuse(Write("a.tflite", "\x1c\0\0\0TFL3\x14\0"s), "a TensorFlow Lite model", "Load the SavedModel");
  refuse(Write("a.onnx",
               "\x08\x08\x12\x07pytorch\x1a\x03"
               "1.0"),
         "an ONNX model", "Load the SavedModel");
  refuse(Write("a", "\x08\x03:\x05\n\x03\x12\x01y"s), "an ONNX model", "Load the SavedModel");
  const std::string lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
  refuse(Write("a.pb", lfs), "a Git LFS pointer", "git lfs pull");
  ExpectError(At(WriteIn("cloned", "saved_model.pb", lfs)), TF_UNIMPLEMENTED, "git lfs pull");
  const std::string variables = Copy("keras3-nested") + "/variables";
  refuse(variables + "/variables.index", "a checkpoint", "model.load_weights(path)");
  refuse(Write("checkpoint", "model_checkpoint_path: \"model-1\"\n"), "a checkpoint", "load_weights");
  refuse(folder_.string(), "a checkpoint", "load_weights");
  refuse(Write("a.pbtxt", "node {\n  name: \"x\"\n}\n"), "a GraphDef in text form", "as_text=False");
  refuse(WriteIn("text", "saved_model.pbtxt", ""), "a SavedModel in text form", "binary form");
  fs::rename(folder_ / "keras3-nested/saved_model.pb", folder_ / "model.pb");
  refuse((folder_ / "model.pb").string(), "the graph of a SavedModel under another name", "directory");
}

TEST_F(Importers, ReportExpectedFormatsForAFileThatIsNoModel) {
  const std::string expected = ": expected " + kSaved + ", " + kFrozen + ", a file of Keras (.keras, .h5) or";
  ExpectError(At((folder_ / "none").string()), TF_NOT_FOUND, "there is no model at");
  ExpectError(At((folder_ / "none").string()), TF_NOT_FOUND, expected);
  ExpectError(At(Write("file", "") + "/below"), TF_NOT_FOUND, "there is no model at");
  ExpectError(At(folder_.string()), TF_NOT_FOUND, "holds no model" + expected);
  ExpectError(At(WriteIn("js", "model.json", "{\"name\": 1}")), TF_NOT_FOUND, "holds no model");
  ExpectError(At(Write("empty.pb", "")), TF_DATA_LOSS, "is empty");
  ExpectError(At("/dev/null"), TF_NOT_FOUND, "is neither a file nor a directory");
  for (const std::string& bytes :
       {"PK"s, "this is no GraphDef"s, "\x89PNG\r\n\x1a\n"s, "\xff\xd8\xff\xe0"s, "\n<!DOCTYPE html>"s,
        "{\"a\": 1}"s, "\0\0\0\0"s, "\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s,
        std::string(1 << 20, 'x')}) {
    ExpectError(At(Write("model.pb", bytes)), TF_DATA_LOSS, "is no model of a known format");
    ExpectError(At(Write("model.keras", bytes)), TF_DATA_LOSS, expected);
  }
  // A file truncated within its first bytes is damaged, not of unknown format.
  EXPECT_EQ(FormatOf(Write("cut", Relu().substr(0, 1))), kFrozen);
  EXPECT_EQ(FormatOf(Write("cut", Relu().substr(0, 2))), kFrozen);
}

TEST_F(Importers, RefusePathsThatCannotBeFollowed) {
  ExpectError(At(Link("circle", "circle")), TF_NOT_FOUND, "circle");
  ExpectError(At(Link("dangling", "nothing")), TF_NOT_FOUND, "there is no model at");
  ExpectError(At(std::string(5000, 'a')), TF_NOT_FOUND, "the model cannot be opened");
}

// A file without read permission is neither a damaged file nor an empty directory. The superuser may read all
// files.
TEST_F(Importers, ReportDeniedReads) {
  const std::string file = Write("file.pb", Relu());
  const std::string directory = Copy("keras3-nested");
  fs::permissions(file, fs::perms::none);
  fs::permissions(directory, fs::perms::owner_read | fs::perms::others_read);
  const uid_t user = geteuid();
  if (user == 0) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  ExpectError(At(file), TF_PERMISSION_DENIED, file);
  ExpectError(At(directory), TF_PERMISSION_DENIED, directory);
  if (user == 0) {
    ASSERT_EQ(seteuid(0), 0);
  }
  fs::permissions(directory, fs::perms::owner_all);
}

// Opening a FIFO blocks until there is a writer.
TEST_F(Importers, DoNotBlockOnAFifo) {
  const std::string path = (folder_ / "fifo").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  for (const std::string& given : {path, Link("link", path)}) {
    auto loading = std::async(std::launch::async, [&] {
      ExpectError(At(given), TF_NOT_FOUND, "is neither a file nor a directory");
    });
    const bool ended = loading.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    EXPECT_TRUE(ended) << given;
    if (!ended) close(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
}

// Only the beginning and the end of a large file are read.
TEST_F(Importers, ReadOnlyTheEndsOfLargeFiles) {
  const std::string path = Write("large.keras", ZipOf("model/data.pkl"));
  fs::resize_file(path, uintmax_t{1} << 36);
  const PathSample sample = SampleOf(path);
  EXPECT_EQ(sample.start.size(), 4096U);
  EXPECT_EQ(sample.end, std::string(8, '\0'));
  ExpectError(At(path), TF_UNIMPLEMENTED, "a zip archive");
}

}  // namespace
}  // namespace ke::graph
