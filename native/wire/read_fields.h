// Reads the fields of a message whose bytes come from a file. All functions throw protozero::exception if the
// bytes are damaged.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/proto.h"

namespace ke::graph::proto {

// A field has an unexpected wire type. protozero only asserts the wire type, and the content of a file must
// not abort the process.
struct WrongWireType : protozero::exception {
  const char* what() const noexcept override { return "a field has an unexpected type"; }
};

inline Bytes ReadBytes(protozero::pbf_reader& reader) {
  if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) throw WrongWireType();
  const protozero::data_view view = reader.get_view();
  return {view.data(), view.size()};
}

inline int64_t ReadInt(protozero::pbf_reader& reader) {
  if (reader.wire_type() != protozero::pbf_wire_type::varint) throw WrongWireType();
  return reader.get_int64();
}

// Calls visit(reader) for each field. `visit` must read or skip the field.
template <typename Visit>
void ForEachField(Bytes bytes, Visit visit) {
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) visit(reader);
}

// Reads one entry of a map<string, message or string>.
inline std::pair<std::string_view, Bytes> ReadEntry(Bytes bytes) {
  std::pair<std::string_view, Bytes> entry;
  ForEachField(bytes, [&](protozero::pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::map_entry::kKey:
        entry.first = ReadBytes(reader);
        break;
      case fields::map_entry::kValue:
        entry.second = ReadBytes(reader);
        break;
      default:
        reader.skip();
    }
  });
  return entry;
}

// Reads a message whose fields 1 and 2 are texts.
inline std::pair<std::string_view, std::string_view> ReadTexts(Bytes bytes) {
  static_assert(fields::registered_gradient::kFunction == 1 && fields::registered_gradient::kOpType == 2);
  static_assert(fields::captured_tensor::kName == 1 && fields::captured_tensor::kFunction == 2);
  return ReadEntry(bytes);
}

// Appends integers, packed or not, to `values`.
template <typename T>
void ReadInts(protozero::pbf_reader& reader, std::vector<T>* values) {
  if (reader.wire_type() == protozero::pbf_wire_type::varint) {
    values->push_back(static_cast<T>(reader.get_int64()));
    return;
  }
  if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) throw WrongWireType();
  for (const int64_t value : reader.get_packed_int64()) values->push_back(static_cast<T>(value));
}

}  // namespace ke::graph::proto
