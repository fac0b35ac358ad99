#include "nodes.h"

#include <algorithm>
#include <map>

#include "tensorflow/handles.h"
#include "tensorflow/protozero.h"

namespace ke::fuzz {

using protozero::pbf_reader;
using protozero::pbf_writer;
using Random = std::mt19937;

namespace {

constexpr uint64_t kFloat = 1;
constexpr uint64_t kInt32 = 3;
constexpr uint64_t kString = 7;
constexpr uint64_t kInt64 = 9;

size_t Pick(Random* random, size_t count) { return (*random)() % count; }

int64_t Size(Random* random) {
  constexpr int64_t kSizes[] = {0,  1,  1,  2,     2,         3,         4,         5,         8,        -1,
                                -1, -2, 16, 65536, INT32_MAX, INT64_MAX, INT64_MIN, 1LL << 31, 1LL << 40};
  // Invalid sizes are rare, because TensorFlow usually refuses a graph at the first invalid size.
  return kSizes[Pick(random, Pick(random, 8) == 0 ? std::size(kSizes) : 9)];
}

std::string Shape(Random* random) {
  std::string shape;
  pbf_writer writer(shape);
  if (Pick(random, 10) == 0) writer.add_bool(3, true);
  for (size_t rank = Pick(random, 6); rank > 0; --rank) {
    pbf_writer dim(writer, 2);
    dim.add_int64(1, Size(random));
  }
  return shape;
}

// Returns a small tensor of a dtype, sometimes with a shape that does not match the number of values.
std::string Tensor(uint64_t dtype, Random* random) {
  const size_t count = Pick(random, 6);
  std::string tensor;
  pbf_writer writer(tensor);
  writer.add_uint64(1, dtype);
  {
    pbf_writer shape(writer, 2);
    if (Pick(random, 3) != 0) {
      pbf_writer dim(shape, 2);
      dim.add_int64(1, Pick(random, 12) == 0 ? Size(random) : static_cast<int64_t>(count));
    }
  }
  for (size_t i = 0; i < std::max<size_t>(count, 1); ++i) {
    if (dtype == kFloat) writer.add_float(5, static_cast<float>(Size(random)));
    if (dtype == kInt32) writer.add_int32(7, static_cast<int32_t>(Size(random)));
    if (dtype == kInt64) writer.add_int64(10, Size(random));
    if (dtype == kString) writer.add_string(8, "ij,jk->ik");
  }
  return tensor;
}

void AddAttr(pbf_writer* node, const std::string& name, const std::string& value) {
  pbf_writer entry(*node, 5);
  entry.add_string(1, name);
  entry.add_message(2, value);
}

std::string TypeValue(uint64_t dtype) {
  std::string value;
  pbf_writer(value).add_uint64(6, dtype);
  return value;
}

std::string Constant(const std::string& name, uint64_t dtype, Random* random) {
  std::string node;
  pbf_writer writer(node);
  writer.add_string(1, name);
  writer.add_string(2, "Const");
  AddAttr(&writer, "dtype", TypeValue(dtype));
  std::string value;
  pbf_writer(value).add_message(8, Tensor(dtype, random));
  AddAttr(&writer, "value", value);
  return node;
}

bool IsList(const std::string& type) { return type.substr(0, 5) == "list("; }

}  // namespace

NodeMaker::NodeMaker(const std::vector<std::string>& words) {
  const tf::GraphPtr graph(tf::C().TF_NewGraph());
  for (const std::string& word : words) {
    tf::Status status;
    const tf::BufferPtr buffer = tf::NewBuffer();
    tf::C().TF_GraphGetOpDef(graph.get(), word.c_str(), buffer.get(), status);
    if (status.ok()) ops_.push_back(Parse(tf::View(buffer.get())));
  }
}

NodeMaker::Op NodeMaker::Parse(std::string_view bytes) {
  Op op;
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    if (reader.tag() == 1) {
      op.name = reader.get_string();
    } else if (reader.tag() == 2) {
      Argument argument;
      pbf_reader field = reader.get_message();
      while (field.next()) {
        if (field.tag() == 3) {
          argument.type = field.get_uint64();
        } else if (field.tag() == 4) {
          argument.type_attr = field.get_string();
        } else if (field.tag() == 5) {
          argument.number_attr = field.get_string();
        } else if (field.tag() == 6) {
          argument.type_list_attr = field.get_string();
        } else {
          field.skip();
        }
      }
      op.inputs.push_back(argument);
    } else if (reader.tag() == 4) {
      Attribute attribute;
      pbf_reader field = reader.get_message();
      while (field.next()) {
        if (field.tag() == 1) {
          attribute.name = field.get_string();
        } else if (field.tag() == 2) {
          attribute.type = field.get_string();
        } else if (field.tag() == 3) {
          attribute.has_default = true;
          pbf_reader value = field.get_message();
          while (value.next()) {
            if (value.tag() == 6) {
              attribute.default_type = value.get_uint64();
            } else {
              value.skip();
            }
          }
        } else if (field.tag() == 7) {
          pbf_reader value = field.get_message();
          while (value.next()) {
            if (value.tag() != 1) {
              value.skip();
              continue;
            }
            pbf_reader list = value.get_message();
            while (list.next()) {
              if (list.tag() == 2) {
                attribute.strings.push_back(list.get_string());
              } else if (list.tag() == 6 && list.wire_type() == protozero::pbf_wire_type::length_delimited) {
                for (const uint64_t type : list.get_packed_uint64()) attribute.types.push_back(type);
              } else {
                list.skip();
              }
            }
          }
        } else {
          field.skip();
        }
      }
      op.attrs.push_back(attribute);
    } else {
      reader.skip();
    }
  }
  return op;
}

// A node under construction.
class NodeMaker::Writer {
 public:
  Writer(const Op& op, Random* random) : op_(op), random_(random) {
    for (const Attribute& attr : op.attrs) {
      if (attr.type == "type") types_[attr.name] = Type(attr);
      if (attr.type == "int") numbers_[attr.name] = Size(random);
    }
    for (const Argument& input : op.inputs) {
      if (!input.number_attr.empty()) numbers_[input.number_attr] = 1 + static_cast<int64_t>(Pick(random, 3));
    }
  }

  std::vector<std::string> Write(const std::string& name, const std::vector<std::string>& inputs) {
    std::vector<std::string> nodes;
    std::string node;
    pbf_writer writer(node);
    writer.add_string(1, name);
    writer.add_string(2, op_.name);
    for (const Argument& input : op_.inputs) {
      const auto number = numbers_.find(input.number_attr);
      const int64_t count = number == numbers_.end() ? 1 : number->second;
      for (int64_t i = 0; i < std::min<int64_t>(count, 4); ++i) {
        const auto type = types_.find(input.type_attr);
        const uint64_t dtype = input.type != 0 ? input.type : type == types_.end() ? kFloat : type->second;
        const bool constant = dtype == kInt32 || dtype == kInt64 || dtype == kString || inputs.empty();
        if (!constant) {
          writer.add_string(3, inputs[Pick(random_, inputs.size())]);
          continue;
        }
        const std::string made = name + "_" + std::to_string(nodes.size());
        nodes.push_back(Constant(made, dtype, random_));
        writer.add_string(3, made);
      }
    }
    for (const Attribute& attr : op_.attrs) {
      const bool counts = attr.type == "type" || numbers_.count(attr.name) > 0;
      if (attr.has_default && !counts && Pick(random_, 3) != 0) continue;
      if (attr.type != "func" && attr.type != "list(func)") AddAttr(&writer, attr.name, Value(attr));
    }
    nodes.push_back(node);
    return nodes;
  }

 private:
  uint64_t Type(const Attribute& attr) {
    if (Pick(random_, 8) == 0) return 1 + Pick(random_, 24);
    if (attr.default_type != 0) return attr.default_type;
    const bool takes_float =
        attr.types.empty() || std::find(attr.types.begin(), attr.types.end(), kFloat) != attr.types.end();
    return takes_float ? kFloat : attr.types[Pick(random_, attr.types.size())];
  }

  std::string Text(const Attribute& attr) {
    constexpr const char* kTexts[] = {"SAME",    "VALID",     "NHWC",       "NCHW",    "EXPLICIT",
                                      "float32", "ij,jk->ik", "...ab,b->a", "a,b,c->", ""};
    if (!attr.strings.empty() && Pick(random_, 16) != 0)
      return attr.strings[Pick(random_, attr.strings.size())];
    return kTexts[Pick(random_, std::size(kTexts))];
  }

  // Adds a value of an attribute's element type, either as the field of an AttrValue or as an element of its
  // list.
  void Add(pbf_writer* value, const std::string& type, const Attribute& attr) {
    if (type == "string") {
      value->add_string(2, Text(attr));
    } else if (type == "int") {
      const auto known = numbers_.find(attr.name);
      value->add_int64(3, known == numbers_.end() ? Size(random_) : known->second);
    } else if (type == "float") {
      value->add_float(4, static_cast<float>(Size(random_)));
    } else if (type == "bool") {
      value->add_bool(5, Pick(random_, 2) == 0);
    } else if (type == "type") {
      const auto known = types_.find(attr.name);
      value->add_uint64(6, known == types_.end() ? Type(attr) : known->second);
    } else if (type == "shape") {
      value->add_message(7, Shape(random_));
    } else if (type == "tensor") {
      value->add_message(8, Tensor(types_.empty() ? kFloat : types_.begin()->second, random_));
    }
  }

  std::string Value(const Attribute& attr) {
    std::string value;
    pbf_writer writer(value);
    if (!IsList(attr.type)) {
      Add(&writer, attr.type, attr);
      return value;
    }
    const std::string of = attr.type.substr(5, attr.type.size() - 6);
    pbf_writer list(writer, 1);
    // Most lists have one element per axis of a batch of images: four.
    const size_t length = Pick(random_, 3) != 0 ? 4 : Pick(random_, 7);
    for (size_t i = 0; i < length; ++i) Add(&list, of, attr);
    return value;
  }

  const Op& op_;
  Random* random_;
  std::map<std::string, uint64_t> types_;
  std::map<std::string, int64_t> numbers_;
};

std::vector<std::string> NodeMaker::Make(const std::string& name, const std::vector<std::string>& inputs,
                                         Random* random) const {
  if (ops_.empty()) return {};
  return Writer(ops_[Pick(random, ops_.size())], random).Write(name, inputs);
}

}  // namespace ke::fuzz
