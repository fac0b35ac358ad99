#include "model/size_check.h"

#include <optional>
#include <string_view>

#include "ir/flat_graph.h"
#include "tensorflow/node_name.h"
#include "wire/text.h"

namespace ke::graph {

using tf::C;

namespace {

// Returns the number of rows of a probe: the declared number, else one.
int64_t Rows(const Shape& declared) {
  return declared.rank() > 0 && declared.dims[0] >= 0 ? declared.dims[0] : 1;
}

// Returns the name of a node without the prefix of the probe's instance.
std::string OwnName(const std::string& name) { return name.substr(name.find('/') + 1); }

// The model in a separate graph, called with one sample.
struct Probe {
  Scope scope;
  std::vector<TF_Output> outputs;

  Probe(const ModelGraph& model, const std::vector<Shape>& shapes, const std::vector<std::string>& names) {
    std::vector<TF_Output> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      Shape shape = shapes[i];
      if (shape.rank() > 0) shape.dims[0] = Rows(model.inputs()[i].shape);
      inputs.push_back(scope.Placeholder(model.inputs()[i].dtype, shape));
    }
    outputs = model.Instantiate(&scope, inputs, names);
  }

  int64_t FirstDim(TF_Output tensor) const {
    const Shape shape = scope.GetShape(tensor);
    return shape.rank() > 0 ? shape.dims[0] : -1;
  }

  // Returns the name of a loop of the model, or "" if there is none.
  std::string Loop() const {
    size_t position = 0;
    while (TF_Operation* op = C().TF_GraphNextOperation(scope.graph(), &position)) {
      if (ControlOf(C().TF_OperationOpType(op)) == Control::kWhile) return OwnName(C().TF_OperationName(op));
    }
    return {};
  }

  // Returns the name of the Reshape that changes the number of rows from `rows`, or "" if there is none.
  std::string Culprit(int64_t rows) const {
    size_t position = 0;
    while (TF_Operation* op = C().TF_GraphNextOperation(scope.graph(), &position)) {
      if (std::string_view(C().TF_OperationOpType(op)) != "Reshape") continue;
      const int64_t before = FirstDim(C().TF_OperationInput({op, 0}));
      const int64_t after = FirstDim({op, 0});
      if (before != rows || after < 0 || after == rows) continue;
      return OwnName(C().TF_OperationName(op));
    }
    return {};
  }
};

std::vector<Shape> DeclaredShapes(const ModelGraph& model) {
  std::vector<Shape> shapes;
  for (const TensorSpec& input : model.inputs()) shapes.push_back(input.shape);
  return shapes;
}

std::string Spell(const std::vector<Shape>& shapes) {
  std::vector<std::string> each;
  for (const Shape& shape : shapes) each.push_back(ToString(shape));
  return Join(each);
}

[[noreturn]] void Refuse(const ModelGraph& model, const std::vector<Shape>& inputs, const std::string& reason,
                         const std::string& node) {
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "the model takes only inputs of its declared size, " + Spell(DeclaredShapes(model)) +
                      ", but was called with " + Spell(inputs) + ": " + reason,
                  node);
}

}  // namespace

std::vector<bool> KeepsSamples(const ModelGraph& model, const std::vector<Shape>& inputs,
                               const std::vector<std::string>& outputs) {
  std::optional<Probe> probe;
  try {
    probe.emplace(model, inputs, outputs);
  } catch (const tf::Error& error) {
    Refuse(model, inputs, error.what(), OwnName(tf::NodeNamedIn(error.what())));
  }
  // A loop over a signal of fixed length would leave out the rest of a longer signal.
  if (const std::string loop = probe->Loop(); !loop.empty()) {
    Refuse(model, inputs, "loop " + loop + " may have its number of turns baked in", loop);
  }
  const int64_t rows = Rows(model.inputs()[0].shape);
  const std::vector<bool> of_inputs = model.Dependent(outputs, model.input_tensors());
  std::optional<Probe> declared;
  std::vector<bool> keeps;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Shape& spec = model.FindTensor(outputs[i])->shape;
    const bool may_have_rows =
        !spec.known_rank || (spec.rank() > 0 && (spec.dims[0] < 0 || spec.dims[0] == rows));
    if (!may_have_rows || !of_inputs[i]) {
      keeps.push_back(true);
      continue;
    }
    const int64_t first = probe->FirstDim(probe->outputs[i]);
    if (first >= 0 && first != rows) {
      // The first axis of a tensor may hold something other than samples at every size.
      if (!declared) declared.emplace(model, DeclaredShapes(model), outputs);
      const int64_t usual = declared->FirstDim(declared->outputs[i]);
      if (usual < 0 || usual == rows) {
        const std::string culprit = probe->Culprit(rows);
        Refuse(model, inputs,
               "`" + outputs[i] + "` would have " + std::to_string(first) + " rows for " +
                   std::to_string(rows) + " samples" +
                   (culprit.empty() ? "" : ", since " + culprit + " has a size baked in"),
               culprit.empty() ? outputs[i] : culprit);
      }
    }
    keeps.push_back(first >= 0);
  }
  return keeps;
}

TF_Output WithRowsOf(Scope* scope, const ModelGraph& model, TF_Output input, TF_Output output) {
  const std::string name = "model_called_at_another_size/";
  const auto rows = [&](TF_Output tensor) {
    const TF_Output shape = scope->Op("Shape", name + "Shape").In(tensor).Out();
    return scope->Op("GatherV2", name + "rows").In(shape).In(scope->Const(0)).In(scope->Const(0)).Out();
  };
  const TF_Output expected = rows(input);
  const TF_Output received = rows(output);
  const std::string message =
      "the model takes only inputs of its declared size, " + Spell(DeclaredShapes(model)) +
      ": at the size it was called with, its samples do not stay apart; rows, samples:";
  const TF_Output text = scope->Op("Const", name + "message")
                             .AttrType("dtype", TF_STRING)
                             .AttrProto("value", StringScalarAttr(message))
                             .Out();
  TF_Operation* check = scope->Op("Assert", name + "Assert")
                            .In(scope->Op("Equal", name + "Equal").In(received).In(expected).Out())
                            .InList({text, received, expected})
                            .Finish();
  return scope->Op("Identity", name + "output").In(output).After(check).Out();
}

}  // namespace ke::graph
