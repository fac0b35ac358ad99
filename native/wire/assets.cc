#include "wire/assets.h"

#include "wire/read_fields.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;

bool IsPlainName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

std::map<std::string, std::string> ReadAssets(Bytes meta_graph, const std::string& what) {
  std::map<std::string, std::string> assets;
  try {
    ForEachField(meta_graph, [&](pbf_reader& reader) {
      if (reader.tag() != fields::meta_graph::kAsset) return reader.skip();
      std::string_view tensor;
      std::string_view file;
      ForEachField(ReadBytes(reader), [&](pbf_reader& asset) {
        switch (asset.tag()) {
          case fields::asset_file::kTensor:
            ForEachField(ReadBytes(asset), [&](pbf_reader& info) {
              if (info.tag() != fields::tensor_info::kName) return info.skip();
              tensor = ReadBytes(info);
            });
            break;
          case fields::asset_file::kFile:
            file = ReadBytes(asset);
            break;
          default:
            asset.skip();
        }
      });
      if (IsPlainName(file)) assets.emplace(tensor.substr(0, tensor.find(':')), file);
    });
  } catch (const protozero::exception& error) {
    throw tf::Error(TF_DATA_LOSS, what + " is truncated or damaged: " + error.what());
  }
  return assets;
}

}  // namespace ke::graph::proto
