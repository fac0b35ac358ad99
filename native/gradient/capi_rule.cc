// TensorFlow's own C++ gradient of one op, for functions for which a rule of this project would gain nothing.
//
// Some gradients of TensorFlow's C++ registry are wrong. Therefore only the ops listed here use the registry,
// and the finite-difference suite confirms each of them. The attributes of all these ops follow from the
// dtypes of their inputs, so the struct Alone can rebuild an op without its attributes.

#include "gradient/registry.h"
#include "ir/instance_name.h"
#include "tensorflow/import_graph.h"
#include "tensorflow/protozero.h"
#include "tensorflow/read_graph.h"
#include "wire/field_numbers.h"

namespace ke::gradient {

using tf::C;

namespace {

constexpr const char* kConfirmed[] = {"Tan",   "Asin",  "Acos",  "Atan",   "Sinh",  "Cosh",
                                      "Asinh", "Acosh", "Atanh", "Lgamma", "Ndtri", "Erfinv"};

using fields::graph_def::kNode;
using fields::node_def::kInput;
using fields::node_def::kName;

constexpr const char* kOpName = "op";
constexpr const char* kDyName = "dy";
constexpr const char* kXName = "x";
constexpr const char* kGradientPrefix = "rule";

// Returns a node without its control inputs, which order ops and carry no value.
std::string WithoutControlInputs(protozero::data_view node) {
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_reader reader(node);
  while (reader.next()) {
    if (reader.tag() == kInput) {
      const protozero::data_view input = reader.get_view();
      if (input.size() == 0 || input.data()[0] != '^') writer.add_bytes(kInput, input);
    } else if (reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
      const auto tag = reader.tag();
      writer.add_bytes(tag, reader.get_view());
    } else {
      reader.skip();
    }
  }
  return result;
}

// Returns the nodes of a serialised GraphDef that belong to the gradient.
std::string GradientNodes(const tf::BufferPtr& graph_def) {
  const std::string_view bytes = tf::View(graph_def.get());
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next(kNode)) {
    const protozero::data_view node = reader.get_view();
    protozero::pbf_reader fields(node);
    if (!fields.next(kName)) continue;
    if (!fields.get_string().starts_with(std::string(kGradientPrefix) + "/")) continue;
    writer.add_message(kNode, WithoutControlInputs(node));
  }
  return result;
}

// The op and its gradient in a graph of their own, with placeholders for the inputs and for dy.
struct Alone {
  explicit Alone(RuleContext& c) {
    graph::OpBuilder op = scope.Op(c.type(), kOpName);
    for (int i = 0; i < c.num_inputs(); ++i) {
      inputs.push_back(scope.Placeholder(c.InputType(i), c.InputShape(i), kXName + std::to_string(i)));
      op.In(inputs.back());
    }
    output = op.Out();
    dy = scope.Placeholder(c.OutputType(0), c.OutputShape(0), kDyName);
    gradients.resize(inputs.size());
    tf::Status status;
    // The C API names the given gradient "dx" and the returned gradients "dy".
    C().TF_AddGradientsWithPrefix(scope.graph(), kGradientPrefix, &output, 1, inputs.data(),
                                  static_cast<int>(inputs.size()), &dy, status, gradients.data());
    if (!status.ok()) c.Refuse(status.message());
  }

  graph::Scope scope;
  std::vector<TF_Output> inputs;
  TF_Output output;
  TF_Output dy;
  std::vector<TF_Output> gradients;
};

void CApiRule(RuleContext& c) {
  Alone alone(c);
  const tf::BufferPtr graph_def = tf::ToGraphDef(alone.scope.graph(), c.name());

  tf::ImportOptions options;
  options.prefix = c.target()->UniqueName(graph::kGradientPrefix + c.name() + "/" + c.type() + "Grad");
  options.inputs.push_back({{kDyName}, c.Dy()});
  // Only the tensors that the gradient reads are mapped. Any other mapped tensor would be captured and kept
  // alive without need.
  if (C().TF_OperationOutputNumConsumers(alone.output) > 0) options.inputs.push_back({{kOpName}, c.Y()});
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (C().TF_OperationOutputNumConsumers(alone.inputs[i]) > 1) {
      options.inputs.push_back({{kXName + std::to_string(i)}, c.X(i)});
    }
    options.outputs.push_back({C().TF_OperationName(alone.gradients[i].oper), alone.gradients[i].index});
  }
  const std::vector<TF_Output> gradients =
      tf::ImportGraphDef(c.target()->graph(), GradientNodes(graph_def), options, c.name());
  for (size_t i = 0; i < gradients.size(); ++i) c.Set(static_cast<int>(i), gradients[i]);
}

}  // namespace

void AddCApiRules(Registry* registry) {
  for (const char* type : kConfirmed) registry->Add(type, CApiRule);
}

}  // namespace ke::gradient
