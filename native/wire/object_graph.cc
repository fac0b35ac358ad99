#include "wire/object_graph.h"

#include <tuple>

#include "wire/read_fields.h"

namespace ke::graph::proto {
namespace {

using protozero::pbf_reader;

SavedObject ParseObject(Bytes bytes) {
  SavedObject object;
  const auto read_text = [](Bytes message, uint32_t field, std::string_view* text) {
    ForEachField(message, [&](pbf_reader& reader) {
      if (reader.tag() != field) return reader.skip();
      *text = ReadBytes(reader);
    });
  };
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::saved_object::kVariable:
        read_text(ReadBytes(reader), fields::saved_variable::kName, &object.variable_name);
        break;
      case fields::saved_object::kConstant:
        read_text(ReadBytes(reader), fields::saved_constant::kOperation, &object.captured_tensor);
        break;
      case fields::saved_object::kCapturedTensor:
        std::tie(object.captured_tensor, object.captured_from) = ReadTexts(ReadBytes(reader));
        break;
      default:
        reader.skip();
    }
  });
  return object;
}

SavedFunction ParseSavedFunction(Bytes bytes) {
  SavedFunction function;
  const auto read_result = [&](Bytes value) {
    bool is_tensor = true;
    ForEachField(value, [&](pbf_reader& reader) {
      is_tensor = is_tensor && reader.tag() != fields::structured_value::kNone;
      reader.skip();
    });
    function.results.push_back(is_tensor);
  };
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::concrete_function::kBoundInput:
        ReadInts(reader, &function.bound_inputs);
        break;
      case fields::concrete_function::kOutputSignature:
        ForEachField(ReadBytes(reader), [&](pbf_reader& signature) {
          if (signature.tag() != fields::structured_value::kList &&
              signature.tag() != fields::structured_value::kTuple) {
            return signature.skip();
          }
          ForEachField(ReadBytes(signature), [&](pbf_reader& list) {
            if (list.tag() != fields::structured_list::kValue) return list.skip();
            read_result(ReadBytes(list));
          });
        });
        break;
      default:
        reader.skip();
    }
  });
  return function;
}

}  // namespace

ObjectGraph ParseObjects(Bytes bytes) {
  ObjectGraph objects;
  ForEachField(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case fields::object_graph::kNode:
        objects.objects.push_back(ParseObject(ReadBytes(reader)));
        break;
      case fields::object_graph::kFunction: {
        const auto [name, function] = ReadEntry(ReadBytes(reader));
        objects.functions[name] = ParseSavedFunction(function);
        break;
      }
      default:
        reader.skip();
    }
  });
  return objects;
}

}  // namespace ke::graph::proto
