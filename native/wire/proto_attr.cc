// Readers of AttrValue, TensorProto and the messages of a checkpoint's index. Import needs only single values
// of these messages.
#include <algorithm>
#include <cstring>

#include "tensorflow/handles.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/proto.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
namespace attr_value = fields::attr_value;
namespace bundle_entry = fields::bundle_entry;

// The longest list of axes or dims.
constexpr auto kMaxRank = static_cast<int64_t>(tf::kMostAxes);

// Returns the last field `tag` of a message if the field has `type`. Empty if the message is damaged.
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

// Calls visit(reader) for every field. `visit` returns true if it has read the field. Stops if the message is
// damaged.
template <typename Visit>
void ForEachField(Bytes message, Visit visit) {
  try {
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (!visit(reader)) reader.skip();
    }
  } catch (const protozero::exception&) {
    return;
  }
}

// Calls visit(bytes) for every length-delimited field `tag`.
template <typename Visit>
void ForEachBytes(Bytes message, uint32_t tag, Visit visit) {
  ForEachField(message, [&](pbf_reader& reader) {
    if (reader.tag() != tag || reader.wire_type() != pbf_wire_type::length_delimited) return false;
    const protozero::data_view view = reader.get_view();
    visit(Bytes(view.data(), view.size()));
    return true;
  });
}

// Calls visit(int64) for every value of a repeated varint field, packed or unpacked, in the stored order.
template <typename Visit>
void ForEachInt(Bytes message, uint32_t tag, Visit visit) {
  ForEachField(message, [&](pbf_reader& reader) {
    if (reader.tag() != tag) return false;
    if (reader.wire_type() == pbf_wire_type::varint) {
      visit(reader.get_int64());
      return true;
    }
    if (reader.wire_type() != pbf_wire_type::length_delimited) return false;
    for (const int64_t value : reader.get_packed_int64()) visit(value);
    return true;
  });
}

// Calls visit(T) for every T in `bytes`, which are little-endian like this machine.
template <typename T, typename Visit>
void ForEachIn(Bytes bytes, Visit visit) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    visit(value);
  }
}

// Like ForEachInt, for float and double.
template <typename T, typename Visit>
void ForEachFloating(Bytes message, uint32_t tag, Visit visit) {
  constexpr bool kIsDouble = sizeof(T) == sizeof(double);
  ForEachField(message, [&](pbf_reader& reader) {
    if (reader.tag() != tag) return false;
    if (reader.wire_type() == (kIsDouble ? pbf_wire_type::fixed64 : pbf_wire_type::fixed32)) {
      if constexpr (kIsDouble) {
        visit(reader.get_double());
      } else {
        visit(reader.get_float());
      }
      return true;
    }
    if (reader.wire_type() != pbf_wire_type::length_delimited) return false;
    const protozero::data_view view = reader.get_view();
    ForEachIn<T>(Bytes(view.data(), view.size()), visit);
    return true;
  });
}

// A damaged shape counts as the shape of a scalar. TensorFlow refuses the graph that contains it.
Shape ShapeOrScalar(Bytes bytes) {
  try {
    return ReadShape(bytes);
  } catch (const protozero::exception&) {
    return Shape::Of({});
  }
}

// Reads a NameAttrList.
FunctionReference ReadReference(Bytes function) {
  FunctionReference reference;
  reference.name = FindBytes(function, fields::name_attr_list::kName).value_or(Bytes());
  ForEachBytes(function, fields::name_attr_list::kAttr, [&](Bytes entry) {
    reference.attrs.emplace_back(FindBytes(entry, fields::map_entry::kKey).value_or(Bytes()),
                                 FindBytes(entry, fields::map_entry::kValue).value_or(Bytes()));
  });
  return reference;
}

// Returns the last field `field` of `message`, or its default.
Shape FindShape(Bytes message, uint32_t field) {
  return ShapeOrScalar(FindBytes(message, field).value_or(Bytes()));
}

}  // namespace

Shape ReadShape(Bytes bytes) {
  Shape shape = Shape::Of({});
  bool unknown_rank = false;
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    if (reader.tag() == fields::tensor_shape::kDim && reader.wire_type() == pbf_wire_type::length_delimited) {
      int64_t size = 0;
      pbf_reader dim = reader.get_message();
      while (dim.next()) {
        if (dim.tag() == fields::shape_dim::kSize && dim.wire_type() == pbf_wire_type::varint) {
          size = dim.get_int64();
        } else {
          dim.skip();
        }
      }
      shape.dims.push_back(size);
    } else if (reader.tag() == fields::tensor_shape::kUnknownRank &&
               reader.wire_type() == pbf_wire_type::varint) {
      unknown_rank = reader.get_bool();
    } else {
      reader.skip();
    }
  }
  return unknown_rank ? Shape::Unknown() : shape;
}

std::optional<int64_t> AttrInt(Bytes attr) { return FindInt(attr, attr_value::kInt); }

std::optional<float> AttrFloat(Bytes attr) {
  return FindField<float>(attr, attr_value::kFloat, pbf_wire_type::fixed32,
                          [](pbf_reader& r) { return r.get_float(); });
}

std::optional<bool> AttrBool(Bytes attr) {
  const std::optional<int64_t> value = FindInt(attr, attr_value::kBool);
  if (!value) return std::nullopt;
  return *value != 0;
}

std::optional<TF_DataType> AttrType(Bytes attr) {
  const std::optional<int64_t> type = FindInt(attr, attr_value::kType);
  if (!type) return std::nullopt;
  return static_cast<TF_DataType>(*type);
}

std::optional<std::string_view> AttrString(Bytes attr) { return FindBytes(attr, attr_value::kString); }
std::optional<std::string_view> AttrPlaceholder(Bytes attr) {
  return FindBytes(attr, attr_value::kPlaceholder);
}
std::optional<Bytes> AttrTensor(Bytes attr) { return FindBytes(attr, attr_value::kTensor); }

std::optional<Shape> AttrShape(Bytes attr) {
  const std::optional<Bytes> shape = FindBytes(attr, attr_value::kShape);
  if (!shape) return std::nullopt;
  return ShapeOrScalar(*shape);
}

std::vector<Shape> AttrShapes(Bytes attr) {
  std::vector<Shape> shapes;
  const auto add = [&](Bytes shape) { shapes.push_back(ShapeOrScalar(shape)); };
  ForEachBytes(attr, attr_value::kShape, add);
  ForEachBytes(attr, attr_value::kList, [&](Bytes list) { ForEachBytes(list, attr_value::kShape, add); });
  return shapes;
}

std::vector<Bytes> AttrTensors(Bytes attr) {
  std::vector<Bytes> tensors;
  const auto add = [&](Bytes tensor) { tensors.push_back(tensor); };
  ForEachBytes(attr, attr_value::kTensor, add);
  ForEachBytes(attr, attr_value::kList, [&](Bytes list) { ForEachBytes(list, attr_value::kTensor, add); });
  return tensors;
}

std::optional<size_t> AttrTypeListSize(Bytes attr) {
  const std::optional<Bytes> list = FindBytes(attr, attr_value::kList);
  if (!list) return std::nullopt;
  size_t size = 0;
  ForEachInt(*list, attr_value::kType, [&size](int64_t) { ++size; });
  return size;
}

std::vector<TF_DataType> AttrTypes(Bytes attr) {
  std::vector<TF_DataType> types;
  ForEachInt(FindBytes(attr, attr_value::kList).value_or(Bytes()), attr_value::kType,
             [&types](int64_t type) { types.push_back(static_cast<TF_DataType>(type)); });
  return types;
}

bool IsInParts(Bytes attr) {
  size_t parts = 0;
  ForEachField(attr, [&parts](pbf_reader&) {
    ++parts;
    return false;
  });
  if (parts > 1) return true;
  const std::vector<Bytes> tensors = AttrTensors(attr);
  return std::any_of(tensors.begin(), tensors.end(), [](Bytes tensor) {
    size_t shapes = 0;
    ForEachBytes(tensor, fields::tensor::kShape, [&shapes](Bytes) { ++shapes; });
    return shapes > 1;
  });
}

std::optional<FunctionReference> AttrFunction(Bytes attr) {
  const std::optional<Bytes> function = FindBytes(attr, attr_value::kFunction);
  if (!function) return std::nullopt;
  return ReadReference(*function);
}

std::vector<FunctionReference> AttrFunctions(Bytes attr) {
  std::vector<FunctionReference> references;
  const auto add = [&](Bytes function) { references.push_back(ReadReference(function)); };
  ForEachBytes(attr, attr_value::kFunction, add);
  ForEachBytes(attr, attr_value::kList,
               [&](Bytes list) { ForEachBytes(list, attr_value::kListFunctions, add); });
  return references;
}

std::vector<std::string_view> TensorStrings(Bytes tensor) {
  std::vector<std::string_view> strings;
  ForEachBytes(tensor, fields::tensor::kStrings, [&](Bytes value) { strings.push_back(value); });
  return strings;
}

bool TensorIsZero(Bytes tensor) {
  bool zero = true;
  // -0 has only the sign bit.
  const auto check_bits = [&zero](auto bits) { zero = zero && static_cast<decltype(bits)>(bits << 1) == 0; };
  const auto check = [&zero](auto value) { zero = zero && value == 0; };
  const Bytes content = TensorContent(tensor);
  // The field of the values that are not stored as bytes. Without fields and bytes, the values are zeros.
  uint32_t field = 0;
  switch (TensorType(tensor)) {
    case TF_FLOAT:
      ForEachIn<float>(content, check);
      if (content.empty()) ForEachFloating<float>(tensor, fields::tensor::kFloats, check);
      return zero;
    case TF_DOUBLE:
      ForEachIn<double>(content, check);
      if (content.empty()) ForEachFloating<double>(tensor, fields::tensor::kDoubles, check);
      return zero;
    case TF_HALF:
    case TF_BFLOAT16:
      ForEachIn<uint16_t>(content, check_bits);
      if (content.empty()) {
        ForEachInt(tensor, fields::tensor::kHalves,
                   [&](int64_t value) { check_bits(static_cast<uint16_t>(value)); });
      }
      return zero;
    case TF_INT8:
    case TF_INT16:
    case TF_INT32:
    case TF_UINT8:
    case TF_UINT16:
      field = fields::tensor::kInts;
      break;
    case TF_INT64:
      field = fields::tensor::kInt64s;
      break;
    case TF_BOOL:
      field = fields::tensor::kBools;
      break;
    case TF_UINT32:
      field = fields::tensor::kUint32s;
      break;
    case TF_UINT64:
      field = fields::tensor::kUint64s;
      break;
    default:
      return false;
  }
  ForEachIn<char>(content, check);
  if (content.empty()) ForEachInt(tensor, field, check);
  return zero;
}

std::vector<float> TensorFloats(Bytes tensor, size_t count) {
  std::vector<float> values;
  const auto add = [&values](float value) { values.push_back(value); };
  const Bytes content = TensorContent(tensor);
  ForEachIn<float>(content, add);
  if (content.empty()) ForEachFloating<float>(tensor, fields::tensor::kFloats, add);
  // A tensor may be stored short: its last value is then repeated to the end.
  values.resize(count, values.empty() ? 0 : values.back());
  return values;
}

Shape TensorShape(Bytes tensor) { return FindShape(tensor, fields::tensor::kShape); }

TF_DataType TensorType(Bytes tensor) {
  return static_cast<TF_DataType>(FindInt(tensor, fields::tensor::kDType).value_or(0));
}

Bytes TensorContent(Bytes tensor) { return FindBytes(tensor, fields::tensor::kContent).value_or(Bytes()); }

BundleHeader ReadBundleHeader(Bytes bytes) {
  return {FindInt(bytes, fields::bundle_header::kShards).value_or(0),
          FindInt(bytes, fields::bundle_header::kEndianness).value_or(0) != 0};
}

StoredTensor ReadBundleEntry(Bytes bytes) {
  StoredTensor stored;
  stored.dtype = static_cast<TF_DataType>(FindInt(bytes, bundle_entry::kDType).value_or(0));
  stored.shape = FindShape(bytes, bundle_entry::kShape);
  stored.shard = FindInt(bytes, bundle_entry::kShard).value_or(0);
  stored.offset = FindInt(bytes, bundle_entry::kOffset).value_or(0);
  stored.size = FindInt(bytes, bundle_entry::kSize).value_or(0);
  stored.crc32c =
      FindField<uint32_t>(bytes, bundle_entry::kCrc32c, pbf_wire_type::fixed32, [](pbf_reader& r) {
        return r.get_fixed32();
      }).value_or(0);
  stored.in_slices = FindBytes(bytes, bundle_entry::kSlices).has_value();
  return stored;
}

std::vector<int64_t> TensorInts(Bytes tensor) {
  const TF_DataType dtype = TensorType(tensor);
  if (dtype != TF_INT32 && dtype != TF_INT64) return {};
  std::vector<int64_t> values;
  const auto add = [&values](int64_t value) { values.push_back(value); };
  const Bytes content = TensorContent(tensor);
  if (content.empty()) {
    ForEachInt(tensor, dtype == TF_INT32 ? fields::tensor::kInts : fields::tensor::kInt64s, add);
  } else if (dtype == TF_INT32) {
    ForEachIn<int32_t>(content, add);
  } else {
    ForEachIn<int64_t>(content, add);
  }
  // A tensor may be stored short: its last value is then repeated to the end.
  int64_t elements = 1;
  for (const int64_t dim : TensorShape(tensor).dims) elements *= std::clamp<int64_t>(dim, 0, kMaxRank);
  if (!values.empty() && elements <= kMaxRank)
    values.resize(std::max<size_t>(values.size(), elements), values.back());
  return values;
}

}  // namespace ke::graph::proto
