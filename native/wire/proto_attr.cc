// AttrValue, TensorProto and what a checkpoint's index holds: messages of which import looks into single
// values.
#include <algorithm>
#include <cstring>

#include "tensorflow/protozero.h"
#include "wire/proto.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// TensorFlow's largest rank, and so the longest list of axes or dims.
constexpr int64_t kMaxRank = 254;

// The last field `tag` of a message, where it has `type`; a damaged message holds nothing.
template <typename T, typename Read>
std::optional<T> FindField(Bytes message, uint32_t tag, pbf_wire_type type, Read read) {
  std::optional<T> found;
  try {
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (reader.tag() == tag && reader.wire_type() == type) {
        found = read(reader);
      } else {
        reader.skip();
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return found;
}

std::optional<int64_t> FindInt(Bytes message, uint32_t tag) {
  return FindField<int64_t>(message, tag, pbf_wire_type::varint, [](pbf_reader& r) { return r.get_int64(); });
}

std::optional<Bytes> FindBytes(Bytes message, uint32_t tag) {
  return FindField<Bytes>(message, tag, pbf_wire_type::length_delimited, [](pbf_reader& r) {
    const protozero::data_view view = r.get_view();
    return Bytes(view.data(), view.size());
  });
}

// Calls visit for every length-delimited field `tag`; stops where the message is damaged.
template <typename Visit>
void ForEachBytes(Bytes message, uint32_t tag, Visit visit) {
  FindField<int>(message, tag, pbf_wire_type::length_delimited, [&](pbf_reader& r) {
    const protozero::data_view view = r.get_view();
    visit(Bytes(view.data(), view.size()));
    return 0;
  });
}

// A repeated varint field, packed or not.
void ForEachInt(Bytes message, uint32_t tag, std::vector<int64_t>* values) {
  FindField<int>(message, tag, pbf_wire_type::varint, [&](pbf_reader& r) {
    values->push_back(r.get_int64());
    return 0;
  });
  FindField<int>(message, tag, pbf_wire_type::length_delimited, [&](pbf_reader& r) {
    for (const int64_t value : r.get_packed_int64()) values->push_back(value);
    return 0;
  });
}

Shape ReadShape(Bytes bytes) {
  if (FindInt(bytes, 3).value_or(0) != 0) return Shape::Unknown();
  Shape shape = Shape::Of({});
  ForEachBytes(bytes, 2, [&](Bytes dim) { shape.dims.push_back(FindInt(dim, 1).value_or(0)); });
  return shape;
}

}  // namespace

std::optional<int64_t> AttrInt(Bytes attr) { return FindInt(attr, 3); }

std::optional<float> AttrFloat(Bytes attr) {
  return FindField<float>(attr, 4, pbf_wire_type::fixed32, [](pbf_reader& r) { return r.get_float(); });
}

std::optional<bool> AttrBool(Bytes attr) {
  const std::optional<int64_t> value = FindInt(attr, 5);
  if (!value) return std::nullopt;
  return *value != 0;
}

std::optional<TF_DataType> AttrType(Bytes attr) {
  const std::optional<int64_t> type = FindInt(attr, 6);
  if (!type) return std::nullopt;
  return static_cast<TF_DataType>(*type);
}

std::optional<std::string_view> AttrString(Bytes attr) { return FindBytes(attr, 2); }
std::optional<std::string_view> AttrPlaceholder(Bytes attr) { return FindBytes(attr, 9); }
std::optional<Bytes> AttrTensor(Bytes attr) { return FindBytes(attr, 8); }

std::optional<Shape> AttrShape(Bytes attr) {
  const std::optional<Bytes> shape = FindBytes(attr, 7);
  if (!shape) return std::nullopt;
  return ReadShape(*shape);
}

std::vector<Shape> AttrShapes(Bytes attr) {
  std::vector<Shape> shapes;
  const auto add = [&](Bytes shape) { shapes.push_back(ReadShape(shape)); };
  ForEachBytes(attr, 7, add);
  ForEachBytes(attr, 1, [&](Bytes list) { ForEachBytes(list, 7, add); });
  return shapes;
}

std::vector<Bytes> AttrTensors(Bytes attr) {
  std::vector<Bytes> tensors;
  const auto add = [&](Bytes tensor) { tensors.push_back(tensor); };
  ForEachBytes(attr, 8, add);
  ForEachBytes(attr, 1, [&](Bytes list) { ForEachBytes(list, 8, add); });
  return tensors;
}

std::optional<size_t> AttrTypeListSize(Bytes attr) {
  const std::optional<Bytes> list = FindBytes(attr, 1);
  if (!list) return std::nullopt;
  std::vector<int64_t> types;
  ForEachInt(*list, 6, &types);
  return types.size();
}

std::optional<FunctionReference> AttrFunction(Bytes attr) {
  const std::optional<Bytes> function = FindBytes(attr, 10);
  if (!function) return std::nullopt;
  FunctionReference reference;
  reference.name = FindBytes(*function, 1).value_or(Bytes());
  ForEachBytes(*function, 2, [&](Bytes entry) {
    reference.attrs.emplace_back(FindBytes(entry, 1).value_or(Bytes()),
                                 FindBytes(entry, 2).value_or(Bytes()));
  });
  return reference;
}

std::vector<std::string_view> TensorStrings(Bytes tensor) {
  std::vector<std::string_view> strings;
  ForEachBytes(tensor, 8, [&](Bytes value) { strings.push_back(value); });
  return strings;
}

bool TensorIsZero(Bytes tensor) {
  bool zero = true;
  const auto check = [&zero](Bytes bytes) {
    for (const char byte : bytes) zero = zero && byte == 0;
  };
  // tensor_content, and the packed lists of floats, doubles, integers and halves; a tensor without values is
  // of zeros.
  for (const uint32_t field : {4, 5, 6, 7, 10, 13}) ForEachBytes(tensor, field, check);
  FindField<int>(tensor, 5, pbf_wire_type::fixed32,
                 [&](pbf_reader& r) { return zero &= r.get_float() == 0; });
  FindField<int>(tensor, 6, pbf_wire_type::fixed64,
                 [&](pbf_reader& r) { return zero &= r.get_double() == 0; });
  for (const uint32_t field : {7, 10, 13}) zero = zero && FindInt(tensor, field).value_or(0) == 0;
  return zero;
}

std::vector<float> TensorFloats(Bytes tensor, size_t count) {
  std::vector<float> values;
  // tensor_content, and a packed list; both are little-endian, as this machine.
  for (const uint32_t field : {4, 5}) {
    ForEachBytes(tensor, field, [&](Bytes bytes) {
      for (size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof(float));
        values.push_back(value);
      }
    });
  }
  FindField<int>(tensor, 5, pbf_wire_type::fixed32, [&](pbf_reader& r) {
    values.push_back(r.get_float());
    return 0;
  });
  // A tensor may be stored short: its last value is then repeated to the end.
  values.resize(count, values.empty() ? 0 : values.back());
  return values;
}

Shape TensorShape(Bytes tensor) { return ReadShape(FindBytes(tensor, 2).value_or(Bytes())); }

TF_DataType TensorType(Bytes tensor) { return static_cast<TF_DataType>(FindInt(tensor, 1).value_or(0)); }

Bytes TensorContent(Bytes tensor) { return FindBytes(tensor, 4).value_or(Bytes()); }

BundleHeader ReadBundleHeader(Bytes bytes) {
  return {FindInt(bytes, 1).value_or(0), FindInt(bytes, 2).value_or(0) != 0};
}

StoredTensor ReadBundleEntry(Bytes bytes) {
  StoredTensor stored;
  stored.dtype = TensorType(bytes);
  stored.shape = TensorShape(bytes);
  stored.shard = FindInt(bytes, 3).value_or(0);
  stored.offset = FindInt(bytes, 4).value_or(0);
  stored.size = FindInt(bytes, 5).value_or(0);
  stored.crc32c = FindField<uint32_t>(bytes, 6, pbf_wire_type::fixed32, [](pbf_reader& r) {
                    return r.get_fixed32();
                  }).value_or(0);
  stored.in_slices = FindBytes(bytes, 7).has_value();
  return stored;
}

std::vector<int64_t> TensorInts(Bytes tensor) {
  const int64_t dtype = FindInt(tensor, 1).value_or(0);
  if (dtype != TF_INT32 && dtype != TF_INT64) return {};
  std::vector<int64_t> values;
  ForEachInt(tensor, dtype == TF_INT32 ? 7 : 10, &values);
  const Bytes content = FindBytes(tensor, 4).value_or(Bytes());
  const size_t item = dtype == TF_INT32 ? 4 : 8;
  for (size_t at = 0; at + item <= content.size(); at += item) {
    int32_t narrow = 0;
    int64_t wide = 0;
    std::memcpy(item == 4 ? static_cast<void*>(&narrow) : &wide, content.data() + at, item);
    values.push_back(item == 4 ? narrow : wide);
  }
  // A tensor may be stored short: its last value is then repeated to the end.
  int64_t elements = 1;
  for (const int64_t dim : TensorShape(tensor).dims) elements *= std::clamp<int64_t>(dim, 0, kMaxRank);
  if (!values.empty() && elements <= kMaxRank)
    values.resize(std::max<size_t>(values.size(), elements), values.back());
  return values;
}

}  // namespace ke::graph::proto
